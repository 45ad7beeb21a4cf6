import { describe, expect, it } from "vitest";
import { retryAfterMs, wasNeverSent } from "./retryable.ts";

function coded(code: string, cause?: unknown): Error {
  return Object.assign(new Error(code, { cause }), { code });
}

describe("wasNeverSent", () => {
  it.each([
    ["refused", coded("ECONNREFUSED"), true],
    ["no such name", coded("ENOTFOUND"), true],
    ["hidden by fetch", new TypeError("fetch failed", { cause: coded("ECONNREFUSED") }), true],
    ["undici gave up connecting", coded("UND_ERR_CONNECT_TIMEOUT"), true],
    [
      "none of two addresses",
      new AggregateError([coded("ECONNREFUSED"), coded("ENETUNREACH")]),
      true,
    ],
    ["one of two broke", new AggregateError([coded("ECONNREFUSED"), coded("ECONNRESET")]), false],
    ["broke off", coded("ECONNRESET"), false],
    ["closed by the other side", coded("UND_ERR_SOCKET"), false],
    ["no code", new Error("any"), false],
    ["no error", "ECONNREFUSED", false],
  ])("%s: %s is %s", (_, error, sent) => {
    expect(wasNeverSent(error)).toBe(sent);
  });

  it("ends where errors cause each other", () => {
    const one = new Error("one");
    const other = new Error("other", { cause: one });
    one.cause = other;
    expect(wasNeverSent(one)).toBe(false);
    const many = new AggregateError([]);
    many.errors.push(many, many);
    expect(wasNeverSent(many)).toBe(false);
  });
});

describe("retryAfterMs", () => {
  const wall = Date.parse("2026-01-01T00:00:00Z");
  const answer = (status: number, value?: string): Response =>
    new Response(null, { status, headers: value === undefined ? {} : { "retry-after": value } });

  it.each([
    ["seconds", answer(503, "2"), 2000],
    ["seconds of a 429", answer(429, "120"), 120_000],
    ["a date", answer(503, "Thu, 01 Jan 2026 00:00:05 GMT"), 5000],
    ["a date that has passed", answer(503, "Wed, 31 Dec 2025 00:00:05 GMT"), 0],
    ["less than nothing", answer(503, "-1"), undefined],
    ["a year", answer(503, "2026-01-01"), undefined],
    ["nothing", answer(503), undefined],
    ["another status", answer(500, "2"), undefined],
    ["an error that knows", { retryAfterMs: 30 }, 30],
    ["no object", undefined, undefined],
    [
      "headers that are a plain object",
      { status: 503, headers: { "retry-after": "2" } },
      undefined,
    ],
  ])("reads %s", (_, outcome, expected) => {
    expect(retryAfterMs(outcome, wall)).toBe(expected);
  });
});
