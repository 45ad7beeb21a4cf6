import { expect, it } from "vitest";
import { headersOf, Pair } from "../../../../test/support/h2-pair.ts";
import type { HeaderTable } from "../../http/header-table.ts";

/** What of a table may be kept by no compressor. */
function secretsOf(headers: HeaderTable | undefined): string[] {
  const names: string[] = [];
  for (let i = 0; i < (headers?.count ?? 0); i++) {
    if (headers?.secretAt(i) === true) names.push(headers.name(i));
  }
  return names;
}

it("what came as never indexed goes on as such, however often it comes", () => {
  const headers = headersOf({ accept: "*/*", "x-key": "hidden" });
  headers.markSecret(1);
  const { client, server } = forwardedTwice(headers);
  expect(server).toEqual([["x-key"], ["x-key"], ["x-key"]]);
  expect(client).toBeGreaterThan("hidden".length);
});

it("what came as a plain literal may be indexed", () => {
  const { client, server } = forwardedTwice(headersOf({ accept: "*/*", "x-key": "hidden" }));
  expect(server).toEqual([[], [], []]);
  expect(client).toBeLessThan("hidden".length);
});

it("a cookie is secret where one of its crumbs is", () => {
  const headers = headersOf({ cookie: `a=${"1".repeat(30)}` });
  headers.addName("cookie", `b=${"2".repeat(30)}`);
  headers.markSecret(1);
  const pair = new Pair();
  pair.client.ask("GET", true, headers);
  pair.run();
  const message = pair.server.accepted[0]?.message;
  expect(message?.headers.joined("cookie")).toBe(`a=${"1".repeat(30)}; b=${"2".repeat(30)}`);
  expect(secretsOf(message?.headers)).toEqual(["cookie"]);
});

it("a table forgets its secrets with its fields", () => {
  const headers = headersOf({ "x-key": "hidden" });
  headers.markSecret(0);
  headers.reset();
  headers.addName("x-key", "open");
  expect(secretsOf(headers)).toEqual([]);
});

it("a table that grows, or is copied, keeps its secrets", () => {
  const headers = headersOf({ "x-key": "hidden" });
  headers.markSecret(0);
  for (let i = 0; i < 100; i++) headers.addName(`x-${i}`, "");
  expect(secretsOf(headers)).toEqual(["x-key"]);
  const copy = headersOf({ old: "1" });
  headers.removeName("x-0");
  copy.copy(headers);
  expect(secretsOf(copy)).toEqual(["x-key"]);
  expect(copy.count).toBe(100);
  expect(copy.findName("old")).toBe(-1);
});

/** Sends the same fields three times: who is secret at the server, and what the last head took. */
function forwardedTwice(headers: HeaderTable): { client: number; server: string[][] } {
  const pair = new Pair();
  const server: string[][] = [];
  let bytes = 0;
  for (let i = 0; i < 3; i++) {
    pair.client.ask("GET", true, headers);
    pair.run();
    const { message, stream } = pair.server.accepted[i] ?? {};
    server.push(secretsOf(message?.headers));
    bytes = (stream?.headBytes ?? 0) - 9 - 5;
  }
  return { client: bytes, server };
}
