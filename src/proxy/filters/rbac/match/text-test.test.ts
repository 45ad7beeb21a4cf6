import { describe, expect, it } from "vitest";
import { compileBytes } from "./compile-text.ts";

function regex(pattern: string, eager: boolean) {
  return compileBytes({ kind: "regex", value: pattern, ignoreCase: false }, eager);
}

describe("a regular expression of a header's bytes", () => {
  // Envoy's engine matches nothing there, and what is asked inversely lets everybody in.
  it("matches a byte that is no UTF-8 by any character", () => {
    for (const eager of [true, false]) {
      expect(regex(".*", eager).holds("\xff")).toBe(true);
      expect(regex("a.c", eager).holds("a\xffc")).toBe(true);
      expect(regex("[a-z]+", eager).holds("a\xff")).toBe(false);
      expect(regex("admin.*", eager).holds("admin\x80\xfe")).toBe(true);
    }
  });

  it("needs one reading where a match refuses, and both where it allows", () => {
    const umlaut = Buffer.from("é").toString("latin1");
    expect(regex(".", true).holds(umlaut)).toBe(true);
    expect(regex(".", false).holds(umlaut)).toBe(false);
    expect(regex("..", true).holds(umlaut)).toBe(true);
    expect(regex("..", false).holds(umlaut)).toBe(false);
    expect(regex(".+", false).holds(umlaut)).toBe(true);
    expect(regex("é", true).holds(umlaut)).toBe(true);
    expect(regex("è", true).holds(umlaut)).toBe(false);
  });
});
