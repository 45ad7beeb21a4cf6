import { describe, expect, it } from "vitest";
import { normalizePath, type PathRules } from "./path.ts";

const NONE: PathRules = { normalizePath: false, mergeSlashes: false, escapedSlashes: "keep" };
const BASE: PathRules = { ...NONE, normalizePath: true };
const MERGE: PathRules = { ...BASE, mergeSlashes: true };
const DECODE: PathRules = { ...MERGE, escapedSlashes: "forward" };

/** By Istio's names of its four modes; what a real Envoy 1.40 made of each path. */
const MODES = { NONE, BASE, MERGE_SLASHES: MERGE, DECODE_AND_MERGE_SLASHES: DECODE } as const;

/** The path; then what it is with BASE, MERGE_SLASHES and DECODE_AND_MERGE_SLASHES. */
const PATHS: readonly (readonly [string, string, string, string])[] = [
  ["/a/b", "/a/b", "/a/b", "/a/b"],
  ["/", "/", "/", "/"],
  ["//", "//", "//", "//"],
  ["///", "///", "//", "//"],
  ["//a", "//a", "/a", "/a"],
  ["///a", "///a", "/a", "/a"],
  ["/a//", "/a//", "/a/", "/a/"],
  ["/a//b///c", "/a//b///c", "/a/b/c", "/a/b/c"],
  ["/app/../admin", "/admin", "/admin", "/admin"],
  ["/app//../../admin", "/admin", "/admin", "/admin"],
  ["/app/%2E./admin", "/admin", "/admin", "/admin"],
  ["/app/.%2e/admin", "/admin", "/admin", "/admin"],
  ["/app/%2e%2E/admin", "/admin", "/admin", "/admin"],
  ["/app\\admin", "/app/admin", "/app/admin", "/app/admin"],
  ["/app\\..\\admin", "/admin", "/admin", "/admin"],
  ["/\\admin", "//admin", "/admin", "/admin"],
  ["/../../x", "/x", "/x", "/x"],
  ["/..", "/", "/", "/"],
  ["/.", "/", "/", "/"],
  ["/a/..", "/", "/", "/"],
  ["/a/b/..", "/a/", "/a/", "/a/"],
  ["/a/./b/", "/a/b/", "/a/b/", "/a/b/"],
  ["/a/b/...", "/a/b/...", "/a/b/...", "/a/b/..."],
  ["/a/.b/..c", "/a/.b/..c", "/a/.b/..c", "/a/.b/..c"],
  ["/a;b/..;/c", "/c", "/c", "/c"],
  ["/public/..;/admin", "/admin", "/admin", "/admin"],
  ["/public/..;x=1;y/admin", "/admin", "/admin", "/admin"],
  ["/public/%2e%2E;/admin", "/admin", "/admin", "/admin"],
  ["/public\\..;/admin", "/admin", "/admin", "/admin"],
  ["/.;/admin", "/admin", "/admin", "/admin"],
  ["/a/..;", "/", "/", "/"],
  ["/;/admin", "/;/admin", "/;/admin", "/;/admin"],
  ["/a/...;/c", "/a/...;/c", "/a/...;/c", "/a/...;/c"],
  ["/a/b..;/c", "/a/b..;/c", "/a/b..;/c", "/a/b..;/c"],
  ["/a/..%3b/c", "/a/..%3b/c", "/a/..%3b/c", "/a/..%3b/c"],
  ["/admin;x", "/admin;x", "/admin;x", "/admin;x"],
  ["/%61dmin", "/admin", "/admin", "/admin"],
  ["/%7e%41%2D%5f", "/~A-_", "/~A-_", "/~A-_"],
  ["/%2fadmin", "/%2fadmin", "/%2fadmin", "/admin"],
  ["/admin%2F", "/admin%2F", "/admin%2F", "/admin/"],
  ["/%2Fapp%5cadmin", "/%2Fapp%5cadmin", "/%2Fapp%5cadmin", "/app/admin"],
  ["/app%2f..%5Cadmin", "/app%2f..%5Cadmin", "/app%2f..%5Cadmin", "/admin"],
  ["/%252e%252e/admin", "/%252e%252e/admin", "/%252e%252e/admin", "/%252e%252e/admin"],
  ["/%252fadmin", "/%252fadmin", "/%252fadmin", "/%252fadmin"],
  ["/%c0%2e%c0%2e/admin", "/%c0.%c0./admin", "/%c0.%c0./admin", "/%c0.%c0./admin"],
  ["/%zz", "/%zz", "/%zz", "/%zz"],
  ["/a%", "/a%", "/a%", "/a%"],
  ["/%%32e/", "/%252e/", "/%252e/", "/%252e/"],
  ["/%%30%30", "/%2500", "/%2500", "/%2500"],
  ['/a"b', "/a%22b", "/a%22b", "/a%22b"],
  [
    "/<>`{|}^[]",
    "/%3C%3E%60%7B%7C%7D%5E[]",
    "/%3C%3E%60%7B%7C%7D%5E[]",
    "/%3C%3E%60%7B%7C%7D%5E[]",
  ],
  ["/x?//%2f/../", "/x?//%2f/../", "/x?//%2f/../", "/x?//%2f/../"],
  ["/a//b/../c?x=/../", "/a//c?x=/../", "/a/c?x=/../", "/a/c?x=/../"],
  ["/a?%00", "/a?%00", "/a?%00", "/a?%00"],
  ["*", "*", "*", "*"],
  ["", "", "", ""],
];

describe.each(PATHS)("%s", (path, base, merged, decoded) => {
  it.each([
    ["NONE", path],
    ["BASE", base],
    ["MERGE_SLASHES", merged],
    ["DECODE_AND_MERGE_SLASHES", decoded],
  ] as const)("with %s is %s", (mode, normal) => {
    expect(normalizePath(path, MODES[mode])).toEqual({ path: normal, redirect: false });
  });

  it("stays as it is once it is in normal form", () => {
    for (const rules of [BASE, MERGE, DECODE]) {
      const once = normalizePath(path, rules)?.path ?? "";
      expect(normalizePath(once, rules)?.path).toBe(once);
    }
  });
});

describe("an escaped byte", () => {
  const bytes = Array.from({ length: 255 }, (_, i) => (i + 1).toString(16).padStart(2, "0"));

  it.each(bytes)("%%%s is decoded once where it is unreserved, and else kept", (hex) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    const unreserved = /[A-Za-z0-9\-._~]/.test(character);
    for (const digits of [hex, hex.toUpperCase()]) {
      const path = `/app%${digits}admin`;
      const kept = unreserved ? `/app${character}admin` : path;
      expect(normalizePath(path, BASE)?.path).toBe(kept);
      expect(normalizePath(path, MERGE)?.path).toBe(kept);
      const slash = hex === "2f" || hex === "5c";
      expect(normalizePath(path, DECODE)?.path).toBe(slash ? "/app/admin" : kept);
    }
  });

  it("%00 is refused", () => {
    for (const rules of [BASE, MERGE, DECODE]) {
      expect(normalizePath("/admin%00", rules)).toBeUndefined();
    }
    expect(normalizePath("/admin%00", NONE)?.path).toBe("/admin%00");
  });
});

describe("an escaped slash", () => {
  const path = "/a%2F..%5cb?%2f";

  it.each([
    { escapedSlashes: "keep", normal: { path, redirect: false } },
    { escapedSlashes: "forward", normal: { path: "/a/..\\b?%2f", redirect: false } },
    { escapedSlashes: "redirect", normal: { path: "/a/..\\b?%2f", redirect: true } },
    { escapedSlashes: "reject", normal: undefined },
  ] as const)("can be met with $escapedSlashes", ({ escapedSlashes, normal }) => {
    expect(normalizePath(path, { ...NONE, escapedSlashes })).toEqual(normal);
  });

  it("in the query means nothing", () => {
    const asked = "/a%41?%2f%5C";
    expect(normalizePath(asked, { ...NONE, escapedSlashes: "reject" })?.path).toBe(asked);
  });
});
