import { describe, expect, it } from "vitest";
import { HeaderTable } from "../../../../codec/http/header-table.ts";
import { cookieValues, parameterValues, withoutParameter } from "./request-values.ts";

describe("a query's parameter", () => {
  it.each([
    ["t=a", ["a"]],
    ["x=1&t=a&y=2&t=b", ["a", "b"]],
    ["%74=a%2Eb", ["a.b"]],
    ["t", [""]],
    ["t=a=b", ["a=b"]],
    ["tt=a&T=b", []],
    ["", []],
    ["t=%zz", ["%zz"]],
  ])("in %s", (query, expected) => {
    expect(parameterValues(query, "t")).toEqual(expected);
  });

  it.each([
    ["/a?t=1", "/a"],
    ["/a?x=%2f&t=1&a=b", "/a?x=%2f&a=b"],
    ["/a?t=1&%74=2", "/a"],
    ["/a?", "/a?"],
    ["/a", "/a"],
    ["/a?tt=1", "/a?tt=1"],
  ])("leaves %s as %s", (path, expected) => {
    expect(withoutParameter(path, "t")).toBe(expected);
  });
});

describe("a cookie", () => {
  it.each([
    [["t=a"], ["a"]],
    [["x=1; t=a; y=2"], ["a"]],
    [
      ["t=a", "t=b"],
      ["a", "b"],
    ],
    [['t="a"'], ["a"]],
    [['t="'], ['"']],
    [["t"], []],
    [["tt=a; xt=b"], []],
  ])("in %j", (lines, expected) => {
    const headers = new HeaderTable();
    for (const line of lines) headers.addName("cookie", line);
    expect(cookieValues(headers, "t")).toEqual(expected);
  });
});
