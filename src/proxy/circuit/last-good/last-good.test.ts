import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../base/random.ts";
import { HeaderTable } from "../../../codec/http/header-table.ts";
import type { RequestMessage, ResponseMessage } from "../../../codec/http/message.ts";
import { RequestHead } from "../../route/request-head.ts";
import { keptHead } from "./kept-answer.ts";
import { KeptBytes, LastGoodStore } from "./last-good-store.ts";
import { questionOf } from "./question.ts";
import { recordingOf } from "./recording.ts";

type Fields = Readonly<Record<string, string>>;

interface Asked {
  readonly method?: string;
  readonly scheme?: string;
  readonly authority?: string;
  readonly path?: string;
  readonly fields?: Fields;
  readonly body?: "none" | "length";
}

const MINUTE_MS = 60_000;
const NO_TIME = 0;

function tableOf(fields: Fields): HeaderTable {
  const table = new HeaderTable();
  for (const [name, value] of Object.entries(fields)) table.addName(name, value);
  return table;
}

function asking(asked: Asked): { request: RequestHead; message: RequestMessage } {
  const request = new RequestHead(tableOf(asked.fields ?? {}));
  request.method = asked.method ?? "GET";
  request.scheme = asked.scheme ?? "http";
  request.authority = asked.authority ?? "ratings";
  request.setPath(asked.path ?? "/ratings/1");
  const message = { method: request.method, body: asked.body ?? "none", upgrade: "" };
  return { request, message: message as RequestMessage };
}

function answering(fields: Fields, more: Partial<ResponseMessage> = {}): ResponseMessage {
  const headers = tableOf(fields);
  return { headers, status: 200, version: 11, body: "length", contentLength: -1, ...more };
}

/** A store that answers requests, and keeps what the origin said. */
class Shelf {
  readonly all: KeptBytes = new KeptBytes();
  readonly store: LastGoodStore;

  constructor(maxBytes = 64 * 1024) {
    this.store = new LastGoodStore(5 * MINUTE_MS, maxBytes, this.all);
  }

  keeps(asked: Asked, body: string, head: ResponseMessage = answering({}), now = NO_TIME): boolean {
    const { message, request } = asking(asked);
    const question = questionOf(request, message);
    if (question?.keeps !== true) return false;
    const recording = recordingOf(this.store, question.text, request, head);
    if (recording === undefined) return false;
    const bytes = Buffer.from(body);
    if (!recording.take(bytes, 0, bytes.length)) {
      recording.end();
      return false;
    }
    recording.keep(now);
    return true;
  }

  finds(asked: Asked, now = NO_TIME): string | undefined {
    const { message, request } = asking(asked);
    const question = questionOf(request, message);
    return question && this.store.find(question.text, request, now)?.body.toString();
  }
}

describe("the last good answer", () => {
  it("answers the same question, HEAD included", () => {
    const shelf = new Shelf();
    expect(shelf.keeps({}, "five")).toBe(true);
    expect(shelf.finds({})).toBe("five");
    expect(shelf.finds({ method: "HEAD" })).toBe("five");
    expect(shelf.finds({ fields: { "if-none-match": '"1"' } })).toBe("five");
    expect(shelf.finds({ fields: { "x-request-id": "7", traceparent: "00-ab-cd-01" } })).toBe(
      "five",
    );
  });

  it.each<[string, Asked]>([
    ["another path", { path: "/ratings/2" }],
    ["a query", { path: "/ratings/1?user=2" }],
    ["another authority", { authority: "reviews" }],
    ["another scheme", { scheme: "https" }],
    ["another method", { method: "POST" }],
    ["a part", { fields: { range: "bytes=0-1" } }],
    ["a user", { fields: { authorization: "Bearer a" } }],
    ["a session", { fields: { cookie: "a=b" } }],
    ["a user of the application's own", { fields: { "end-user": "jason" } }],
    ["a host in front", { fields: { "x-forwarded-host": "evil.example" } }],
    ["a scheme in front", { fields: { "x-forwarded-proto": "https" } }],
    ["a rewritten path", { fields: { "x-original-url": "/admin" } }],
    ["another rewritten path", { fields: { "x-rewrite-url": "/admin" } }],
    ["an overridden method", { fields: { "x-http-method-override": "DELETE" } }],
    ["a client in front", { fields: { "x-forwarded-for": "10.0.0.1" } }],
    ["a certificate", { fields: { "x-forwarded-client-cert": "URI=spiffe://a" } }],
    ["a language", { fields: { "accept-language": "de" } }],
    ["an encoding", { fields: { "accept-encoding": "gzip" } }],
  ])("answers none that is of %s", (_, asked) => {
    const shelf = new Shelf();
    shelf.keeps({}, "five");
    expect(shelf.finds(asked)).toBeUndefined();
    // Nor the other way round.
    const other = new Shelf();
    other.keeps(asked, "evil");
    expect(other.finds({})).toBeUndefined();
  });

  it.each<[string, Asked]>([
    ["a user", { fields: { authorization: "Bearer a" } }],
    ["a proxy's user", { fields: { "proxy-authorization": "Basic a" } }],
    ["a session", { fields: { cookie: "a=b" } }],
    ["a part", { fields: { range: "bytes=0-1" } }],
    ["a condition", { fields: { "if-modified-since": "Sat, 21 Nov 2026 00:00:00 GMT" } }],
    ["HEAD", { method: "HEAD" }],
    ["POST", { method: "POST" }],
    ["a GET with a body", { body: "length" }],
    ["who wants nothing stored", { fields: { "cache-control": "no-store" } }],
    ["ids that are text", { fields: { "x-request-id": "<script>alert(1)</script>" } }],
    ["a very long question", { path: `/${"x".repeat(5000)}` }],
  ])("is not kept of %s", (_, asked) => {
    expect(new Shelf().keeps(asked, "five")).toBe(false);
  });

  it.each<[string, Fields, Partial<ResponseMessage>?]>([
    ["sets a cookie", { "set-cookie": "a=b" }],
    ["sets a cookie as RFC 2965 did", { "set-cookie2": "a=b" }],
    ["is private", { "cache-control": "private, max-age=60" }],
    ["is not to be stored", { "cache-control": "NO-STORE" }],
    ["is to be asked for again", { "cache-control": "no-cache" }],
    ["is private by field", { "cache-control": 'private="set-cookie"' }],
    ["must not be shown stale", { "cache-control": "max-age=0, must-revalidate" }],
    ["must not be shown stale by proxies", { "cache-control": "proxy-revalidate" }],
    ["is HTTP/1.0's no-cache", { pragma: "no-cache" }],
    ["varies with everything", { vary: "accept, *" }],
    ["varies with too much", { vary: Array.from({ length: 17 }, (_, i) => `x-${i}`).join() }],
    ["is a part", { "content-range": "bytes 0-1/2" }],
    ["asks who it is", { "www-authenticate": "Basic" }],
    ["announces trailers", { trailer: "x-sum" }],
    ["is a 206", {}, { status: 206 }],
    ["is a redirect", { location: "/" }, { status: 302 }],
    ["is not found", {}, { status: 404 }],
    ["ends with its connection", {}, { body: "untilClose" }],
    ["says that it is too long", {}, { contentLength: 1_000_000 }],
  ])("is not kept where it %s", (_, fields, more) => {
    expect(new Shelf().keeps({}, "five", answering(fields, more))).toBe(false);
  });

  it("goes by what it varies with, also where the question does not", () => {
    const shelf = new Shelf();
    const fields = { traceparent: "00-a-1" };
    shelf.keeps({ fields }, "five", answering({ vary: "Traceparent" }));
    expect(shelf.finds({})).toBeUndefined();
    expect(shelf.finds({ fields: { traceparent: "00-b-1" } })).toBeUndefined();
    expect(shelf.finds({ fields })).toBe("five");
  });

  it("is too old after its time", () => {
    const shelf = new Shelf();
    shelf.keeps({}, "five", answering({}), 1000);
    expect(shelf.finds({}, 1000 + 5 * MINUTE_MS)).toBe("five");
    expect(shelf.finds({}, 1001 + 5 * MINUTE_MS)).toBeUndefined();
    expect(shelf.all.bytes).toBe(0);
  });

  it("says how old it is, and that nobody was asked or could be", () => {
    const shelf = new Shelf();
    const head = answering({
      age: "7",
      "cache-control": "max-age=20",
      connection: "x-a",
      "x-a": "1",
    });
    shelf.keeps({}, "five", head, 1000);
    const { message, request } = asking({});
    const text = questionOf(request, message)?.text ?? "";
    const kept = shelf.store.find(text, request, 11_500);
    if (kept === undefined) throw new Error("nothing was kept");
    const fresh = keptHead(kept, 11_500, false).headers;
    expect([fresh.joined("age"), fresh.joined("warning")]).toEqual(["17", undefined]);
    const stale = keptHead(kept, 15_000, true).headers;
    expect(stale.joined("age")).toBe("21");
    expect(stale.joined("warning")).toBe('110 - "Response is Stale",111 - "Revalidation Failed"');
    expect([stale.joined("x-a"), stale.joined("content-length")]).toEqual([undefined, "4"]);
  });

  it("is forgotten where the origin's answer is one that is not kept", () => {
    const shelf = new Shelf();
    shelf.keeps({}, "five");
    const { message, request } = asking({});
    shelf.store.forget(questionOf(request, message)?.text ?? "");
    expect(shelf.finds({})).toBeUndefined();
  });
});

describe("what must be asked for anew", () => {
  it("is not shown once it is stale, where a shared cache is told so", () => {
    const shelf = new Shelf();
    const head = () => answering({ "cache-control": "max-age=600, s-maxage=60", age: "20" });
    expect(shelf.keeps({}, "fresh", head())).toBe(true);
    expect(shelf.finds({}, NO_TIME + 39_000)).toBe("fresh");
    expect(shelf.finds({}, NO_TIME + 40_000)).toBeUndefined();
    expect(shelf.keeps({}, "stale", answering({ "cache-control": "s-maxage=0" }))).toBe(true);
    expect(shelf.finds({})).toBeUndefined();
  });
});

describe("what is kept", () => {
  it("is bounded in bytes, and the longest unused goes first", () => {
    const shelf = new Shelf(3000);
    const body = "x".repeat(1000);
    for (const path of ["/1", "/2"]) shelf.keeps({ path }, body);
    shelf.finds({ path: "/1" });
    shelf.keeps({ path: "/3" }, body);
    expect(shelf.finds({ path: "/1" })).toBe(body);
    expect(shelf.finds({ path: "/2" })).toBeUndefined();
    expect(shelf.store.bytes).toBeLessThanOrEqual(3000);
    expect(shelf.keeps({ path: "/4" }, "x".repeat(3001))).toBe(false);
  });

  it("is bounded in entries, and over all circuits", () => {
    const shelf = new Shelf(10_000_000);
    for (let i = 0; i < 1500; i++) shelf.keeps({ path: `/${i}` }, "");
    expect(shelf.store.entries).toBe(1000);
    const all = new KeptBytes(2000);
    const one = new LastGoodStore(MINUTE_MS, 10_000, all);
    const other = new LastGoodStore(MINUTE_MS, 10_000, all);
    const times = { keptAtMs: 0, ageS: 0, freshS: 0, freshOnly: false };
    const answer = { fields: [], vary: [], ...times, bytes: 900 };
    for (const text of ["1", "2", "3"]) one.keep(text, { ...answer, body: Buffer.alloc(900) });
    other.keep("4", { ...answer, body: Buffer.alloc(900) });
    expect([one.entries, other.entries, all.bytes]).toEqual([2, 0, 1800]);
    all.clear();
    expect([one.entries, all.bytes]).toEqual([0, 0]);
  });

  it("is nothing more once its circuit is gone, also of answers under way", () => {
    const shelf = new Shelf();
    const { message, request } = asking({});
    const text = questionOf(request, message)?.text ?? "";
    const recording = recordingOf(shelf.store, text, request, answering({}));
    recording?.take(Buffer.from("five"), 0, 4);
    shelf.store.close();
    recording?.keep(NO_TIME);
    expect([shelf.store.entries, shelf.all.bytes]).toEqual([0, 0]);
  });

  it("never crosses from one client to another, whatever they send", () => {
    const random = new SeededRandom(7);
    const names = ["x-user", "host", "x-forwarded-host", "vary-me", "x-request-id", "accept"];
    const pick = <T>(from: readonly T[]): T => from[random.below(from.length)] as T;
    for (let round = 0; round < 200; round++) {
      const shelf = new Shelf();
      for (let i = 0; i < 30; i++) {
        const fields: Record<string, string> = {};
        for (let field = 0; field < 3; field++) fields[pick(names)] = pick(["a", "b", "a,b"]);
        const asked = {
          path: pick(["/", "/a", "/a?b", "/?a"]),
          authority: pick(["a", "b"]),
          fields,
        };
        // The origin goes by all that is not of one request alone, and by ids where it says so.
        const varies = random.below(2) === 0;
        const { "x-request-id": id, ...rest } = fields;
        const told = JSON.stringify([asked.path, asked.authority, Object.entries(rest).sort()]);
        const body = varies ? `${told} ${id}` : told;
        const found = shelf.finds(asked);
        if (found !== undefined) expect([told, `${told} ${id}`]).toContain(found);
        shelf.keeps(asked, body, answering(varies ? { vary: "x-request-id" } : {}));
      }
    }
  });
});
