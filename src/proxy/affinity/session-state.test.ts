import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";
import { RequestHead } from "../route/request-head.ts";
import { CookieState, HeaderState } from "./session-state.ts";

const ADDRESS = "10.0.0.7:8080";
const SESSION = { kind: "cookie", name: "s", ttlMs: 0, path: "" } as const;
const WALL_MS = 1_700_000_000_000;

function withHeader(name: string, value: string): RequestHead {
  const headers = new HeaderTable();
  headers.addName(name, value);
  return new RequestHead(headers);
}

/** The cookie that a state gives to a client. */
function given(state: CookieState, clock: VirtualClock, endsAtS = 0): string {
  const headers = new HeaderTable();
  state.write(headers, ADDRESS, clock, endsAtS);
  return headers.joined("set-cookie") ?? "";
}

describe("a cookie", () => {
  it("holds the address, and comes back", () => {
    const clock = new VirtualClock(WALL_MS);
    const state = new CookieState({ kind: "cookie", name: "s", ttlMs: 0, path: "" });
    expect(given(state, clock)).toBe('s="Cg0xMC4wLjAuNzo4MDgw"; HttpOnly');
    const request = withHeader("cookie", "s=Cg0xMC4wLjAuNzo4MDgw");
    expect(state.read(request, clock)).toBe(ADDRESS);
  });

  it("is over when its time is, whatever the client keeps", () => {
    const clock = new VirtualClock(WALL_MS);
    const state = new CookieState({ kind: "cookie", name: "s", ttlMs: 60_000, path: "/p" });
    const made = given(state, clock);
    expect(made).toMatch(/^s="[^"]+"; Max-Age=60; Path=\/p; HttpOnly$/);
    const request = withHeader("cookie", made.split(";")[0] ?? "");
    clock.advance(60_000);
    expect(state.read(request, clock)).toBe(ADDRESS);
    clock.advance(1000);
    expect(state.read(request, clock)).toBe("");
  });

  it("is over when it was not used for its idle time", () => {
    const clock = new VirtualClock(WALL_MS);
    const state = new CookieState({ ...SESSION, idleMs: 60_000 });
    expect(state.refreshes).toBe(true);
    const request = withHeader("cookie", given(state, clock).split(";")[0] ?? "");
    clock.advance(60_000);
    expect(state.read(request, clock)).toBe(ADDRESS);
    clock.advance(1000);
    expect(state.read(request, clock)).toBe("");
  });

  it("ends when it would have ended, however often it was used", () => {
    const clock = new VirtualClock(WALL_MS);
    const state = new CookieState({ ...SESSION, ttlMs: 100_000, idleMs: 60_000 });
    let made = given(state, clock);
    expect(made).toContain("; Max-Age=100;");
    for (const left of [60, 20]) {
      clock.advance(40_000);
      const request = withHeader("cookie", made.split(";")[0] ?? "");
      expect(state.read(request, clock)).toBe(ADDRESS);
      made = given(state, clock, state.endsAtS);
      expect(made).toContain(`; Max-Age=${left};`);
    }
    clock.advance(21_000);
    expect(state.read(withHeader("cookie", made.split(";")[0] ?? ""), clock)).toBe("");
  });

  it("that ends with the browser may have a time of its own", () => {
    const clock = new VirtualClock(WALL_MS);
    const state = new CookieState({ ...SESSION, absoluteMs: 1500 });
    const made = given(state, clock);
    expect(made).not.toContain("Max-Age");
    clock.advance(3000);
    expect(state.read(withHeader("cookie", made.split(";")[0] ?? ""), clock)).toBe("");
  });

  it("without an idle time is none of a session that has one", () => {
    const clock = new VirtualClock(WALL_MS);
    const foreign = given(new CookieState(SESSION), clock).split(";")[0] ?? "";
    const state = new CookieState({ ...SESSION, idleMs: 60_000 });
    expect(state.read(withHeader("cookie", foreign), clock)).toBe("");
  });

  it.each(["", "%", "Cg0x", "AAAA", "/////w==", `${"A".repeat(4000)}`])("may be %j", (value) => {
    const state = new CookieState({ kind: "cookie", name: "s", ttlMs: 0, path: "" });
    const request = withHeader("cookie", `s=${value}`);
    expect(typeof state.read(request, new VirtualClock())).toBe("string");
  });

  it.each([
    { path: "", target: "/x", matches: true },
    { path: "/", target: "/x", matches: true },
    { path: "/a", target: "/a", matches: true },
    { path: "/a", target: "/a?q", matches: true },
    { path: "/a", target: "/a/b", matches: true },
    { path: "/a", target: "/ab", matches: false },
    { path: "/a/", target: "/a", matches: false },
    { path: "/a/", target: "/a/b", matches: true },
  ])("of path $path is for $target: $matches", ({ path, target, matches }) => {
    const state = new CookieState({ kind: "cookie", name: "s", ttlMs: 0, path });
    expect(state.matches(target)).toBe(matches);
  });
});

it("a header holds the address, and replaces what the upstream said", () => {
  const state = new HeaderState({ kind: "header", name: "x-session" });
  const value = Buffer.from(ADDRESS).toString("base64");
  expect(state.read(withHeader("x-session", value))).toBe(ADDRESS);
  expect(state.read(withHeader("x-session", "no base64"))).toBe("");
  const { headers } = withHeader("x-session", "theirs");
  state.write(headers, ADDRESS);
  expect(headers.joined("x-session")).toBe(value);
});
