import { describe, expect, it } from "vitest";
import { normalizePath } from "./path.ts";

describe.each([
  { path: "/a/b", normal: "/a/b" },
  { path: "/app/../admin", normal: "/admin" },
  { path: "/app/%2E./admin", normal: "/admin" },
  { path: "/app\\admin", normal: "/app/admin" },
  { path: "//admin", normal: "/admin" },
  { path: "/a/./b/", normal: "/a/b/" },
  { path: "/a/b/..", normal: "/a/" },
  { path: "/../../x", normal: "/x" },
  { path: "/%41%7e%2D", normal: "/A~-" },
  { path: "/%2fadmin", normal: "/%2fadmin" },
  { path: "/%252e%252e/admin", normal: "/%252e%252e/admin" },
  { path: "/a?b=/../c//d", normal: "/a?b=/../c//d" },
  { path: "/a//b/../c?x", normal: "/a/c?x" },
])("$path", ({ path, normal }) => {
  it(`is ${normal}`, () => expect(normalizePath(path, true, true)).toBe(normal));
});

it("refuses an encoded NUL", () => {
  expect(normalizePath("/admin%00", true, true)).toBeUndefined();
});

it("leaves the path alone where it is not asked to", () => {
  expect(normalizePath("//a/../b", false, false)).toBe("//a/../b");
});
