import { describe, expect, it } from "vitest";
import type { PathMatch } from "../../model/route.ts";
import { PathRewrite } from "./rewrite.ts";

const PREFIX: PathMatch = { kind: "prefix", value: "/a", caseSensitive: true };

describe("a rewritten path", () => {
  it.each(["/b c", "/b HTTP/1.1", "/b\tc", "/b#c", "/\x7f", "/é"])(
    "is refused where it would end the target: %j",
    (path) => {
      expect(() => new PathRewrite(PREFIX, path, undefined)).toThrow("request target");
      const substitution = { pattern: "^/a", substitution: path };
      expect(() => new PathRewrite(PREFIX, undefined, substitution)).toThrow("request target");
    },
  );

  it("keeps what is escaped, and the query", () => {
    expect(new PathRewrite(PREFIX, "/b%20c", undefined).apply("/a/x%0d%0a?y=%0d")).toBe(
      "/b%20c/x%0d%0a?y=%0d",
    );
    const substitution = { pattern: "^/a/(.*)$", substitution: "/b/\\1" };
    expect(new PathRewrite(PREFIX, undefined, substitution).apply("/a/%0d?q")).toBe("/b/%0d?q");
  });
});
