import { describe, expect, it } from "vitest";
import { changeQuery } from "./query.ts";
import { isChangeable, isWritable } from "./verdict.ts";

describe("a header that an authorization server wants", () => {
  it.each([
    { name: "x-user", value: "alice", expected: true },
    { name: "x-user", value: "", expected: true },
    { name: "x-user", value: "a\r\nx-admin: true", expected: false },
    { name: "x-user", value: "a\0", expected: false },
    { name: "x-user", value: "\u0100", expected: false },
    { name: "x user", value: "a", expected: false },
    { name: "", value: "a", expected: false },
    { name: ":path", value: "/admin", expected: false },
  ])("$name: $value can be written: $expected", ({ name, value, expected }) => {
    expect(isWritable({ name, value, action: "overwrite" })).toBe(expected);
  });

  it.each(["host", "content-length", "transfer-encoding", "connection", "upgrade"])(
    "is never %s",
    (name) => expect(isChangeable(name)).toBe(false),
  );
});

describe("the query that an authorization server changes", () => {
  it.each([
    { path: "/a?token=x&b=1", set: [], remove: ["token"], expected: "/a?b=1" },
    { path: "/a?token=x", set: [], remove: ["token"], expected: "/a" },
    { path: "/a", set: [{ name: "user", value: "a b" }], remove: [], expected: "/a?user=a+b" },
    { path: "/a?u=1&u=2", set: [{ name: "u", value: "3" }], remove: [], expected: "/a?u=3" },
  ])("of $path is $expected", ({ path, set, remove, expected }) => {
    expect(changeQuery(path, set, remove)).toBe(expected);
  });
});
