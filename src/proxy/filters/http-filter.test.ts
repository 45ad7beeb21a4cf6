import { describe, expect, it } from "vitest";
import { BAD_PATH } from "../reply/replies.ts";
import {
  type FilteredExchange,
  type FilterVerdict,
  type HttpFilter,
  HttpFilters,
} from "./http-filter.ts";

/** Filters that answer in the order of `verdicts`, and what they and their exchange were told. */
function chain(...verdicts: readonly FilterVerdict[]): { filters: HttpFilters; told: string[] } {
  const told: string[] = [];
  const factories = verdicts.map((verdict, i) => ({ create: () => filter(i, verdict, told) }));
  const onFiltered: FilteredExchange["onFiltered"] = (reply) => {
    told.push(reply === undefined ? "passed" : `answered ${reply.status}`);
  };
  return { filters: new HttpFilters(factories, { onFiltered } as FilteredExchange), told };
}

function filter(index: number, verdict: FilterVerdict, told: string[]): HttpFilter {
  return {
    onRequest: () => {
      told.push(`request ${index}`);
      return verdict;
    },
    onResponse: () => void told.push(`response ${index}`),
    onAbandoned: () => void told.push(`abandoned ${index}`),
  };
}

describe("a filter that holds a request", () => {
  it("keeps it from those behind until it lets it go", () => {
    const { filters, told } = chain(undefined, "wait", undefined);
    expect(filters.onRequest()).toBe("wait");
    expect(told).toEqual(["request 0", "request 1"]);
    filters.resume(undefined);
    expect(told.slice(2)).toEqual(["request 2", "passed"]);
    expect(filters.held).toBe(true);
  });

  it("answers it itself, and the ones behind never see it", () => {
    const { filters, told } = chain("wait", undefined);
    filters.onRequest();
    filters.resume(BAD_PATH);
    expect(told).toEqual(["request 0", "answered 400"]);
  });

  it("may be followed by another that holds it too", () => {
    const { filters, told } = chain("wait", "wait");
    filters.onRequest();
    filters.resume(undefined);
    expect(told).toEqual(["request 0", "request 1"]);
    filters.resume(undefined);
    expect(told.at(-1)).toBe("passed");
  });

  it("is told once that the request has ended otherwise, and cannot resume it", () => {
    const { filters, told } = chain("wait", undefined);
    filters.onRequest();
    filters.end();
    filters.end();
    filters.resume(undefined);
    expect(told).toEqual(["request 0", "abandoned 0"]);
  });
});

it("tells the filters that saw a request of its answer, the last one first", () => {
  const { filters, told } = chain(undefined, BAD_PATH, undefined);
  filters.onRequest();
  filters.onResponse({} as never);
  expect(told.slice(2)).toEqual(["response 1", "response 0"]);
});
