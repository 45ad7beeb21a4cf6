import { describe, expect, it } from "vitest";
import { lastRefused, RefusedRequests } from "./refused-requests.ts";

const REFUSED = {
  atMs: 1,
  listener: "in",
  peer: "127.0.0.1:1",
  reason: "r",
  rule: "R",
  status: 400,
};

function kept(text: string): string {
  const requests = new RefusedRequests();
  requests.add(REFUSED, Buffer.from(text, "latin1"));
  return requests.all[0]?.bytes ?? "";
}

describe("refused requests", () => {
  it("are kept as long as there are few", () => {
    const requests = new RefusedRequests();
    for (let atMs = 0; atMs < 100; atMs++) requests.add({ ...REFUSED, atMs }, Buffer.alloc(0));
    expect(requests.all.map(({ atMs }) => atMs)).toEqual(
      Array.from({ length: 32 }, (_, i) => 68 + i),
    );
  });

  it("are shown in visible ASCII", () => {
    expect(kept('GET /\x1b[31m"<\xff\\ HTTP/1.1\r\n\t\0')).toBe(
      'GET /\\x1b[31m"<\\xff\\\\ HTTP/1.1\\r\\n\\t\\x00',
    );
  });

  it("are shown as far as their first 256 bytes", () => {
    expect(kept("a".repeat(1000))).toBe("a".repeat(256));
  });

  it.each(["Authorization Bearer x", "proxy-authorization :\r\n : y", "COOKIE: a=b; c=d"])(
    "do not show what %s says",
    (line) => {
      const text = kept(`GET / HTTP/1.1\r\n${line}\r\nbad line\r\n`);
      expect(text).toContain("[redacted]\\r\\nbad line\\r\\n");
      expect(text).not.toMatch(/Bearer|: y|a=b/);
    },
  );

  it("of several threads come in the order of their times", () => {
    const one = [3, 9].map((atMs) => ({ ...REFUSED, atMs, bytes: "" }));
    const other = [1, 5].map((atMs) => ({ ...REFUSED, atMs, bytes: "" }));
    expect(lastRefused([one, other]).map(({ atMs }) => atMs)).toEqual([1, 3, 5, 9]);
  });
});
