import { describe, expect, it } from "vitest";
import {
  headerNameError,
  headerValueError,
  labelError,
  portError,
  readDuration,
  regexError,
} from "./text-rules.ts";

describe("a duration", () => {
  it.each([
    ["1ms", 1],
    ["0.1s", 100],
    ["1h1m1s1ms", 3_661_001],
    ["1.5s", 1500],
    ["1000000ns", 1],
    [".5s", 500],
  ])("%s is %d ms", (text, ms) => expect(readDuration(text)).toEqual({ ms }));

  it.each([
    ["0s", "duration must be greater than 1ms"],
    ["-1s", "duration must be greater than 1ms"],
    ["999us", "duration must be greater than 1ms"],
    ["1.0005s", "only durations to ms precision are supported"],
    ["1500us", "only durations to ms precision are supported"],
    ["", "must be a valid duration"],
    ["1", "must be a valid duration"],
    ["1d", "must be a valid duration"],
    ["1 s", "must be a valid duration"],
    ["soon", "must be a valid duration"],
  ])("%s is refused: %s", (text, error) => {
    expect(readDuration(text)).toEqual({ error: expect.stringContaining(error) });
  });

  it("may be zero where zero means never", () => {
    expect(readDuration("0s", 0)).toEqual({ ms: 0 });
    expect(readDuration("0", 0)).toEqual({ ms: 0 });
  });
});

describe("a regex", () => {
  it("is RE2's, so without lookaround and backreferences", () => {
    expect(regexError("^/api/v[0-9]+$", "uri")).toBeUndefined();
    expect(regexError("(?i)a.*", "uri")).toBeUndefined();
    expect(regexError("(?=a)", "uri")).toContain('"uri": ');
    expect(regexError("(a)\\1", "uri")).toContain("RE2");
    expect(regexError("(", "uri")).toContain("RE2");
  });

  it("has at most 1024 characters and at least one", () => {
    expect(regexError("a".repeat(1024), "uri")).toBeUndefined();
    expect(regexError("a".repeat(1025), "uri")).toBe(
      '"uri": regex is too large, max length allowed is 1024',
    );
    expect(regexError("", "uri")).toBe('"uri": regex string match should not be empty');
  });

  it("may be the star that asks for presence", () => {
    expect(regexError("*", "headers")).toBeUndefined();
  });
});

describe("small rules", () => {
  it("holds ports to 1..65535", () => {
    expect([1, 65_535].map(portError)).toEqual([undefined, undefined]);
    expect([0, 65_536, -1].map(portError)).not.toContain(undefined);
  });

  it("lets requests change Host but no other pseudo header", () => {
    expect(headerNameError("Host", true)).toBeUndefined();
    expect(headerNameError(":authority", true)).toBeUndefined();
    expect(headerNameError("host", false)).toContain("cannot set Host header");
    expect(headerNameError(":path", true)).toContain('cannot have ":" prefix');
    expect(headerNameError("Content-Length", true)).toContain("how long the message is");
    expect(headerNameError("x y", true)).toContain("not a valid header name");
    expect(headerNameError("", true)).toBe("header name cannot be empty");
  });

  it.each(["a\tb", "%HOSTNAME%", "100%%", "a %REQ(x-a?y:z):10% b", "%START_TIME(%s)%", ""])(
    "lets a header have the value %j",
    (value) => expect(headerValueError(value)).toBeUndefined(),
  );

  it.each([
    ["a\r\nx: b", "control characters"],
    ["abc%123", "lone %"],
    ["%START_TIME%%", "lone %"],
  ])("keeps a header from having the value %j", (value, error) => {
    expect(headerValueError(value)).toContain(error);
  });

  it("holds labels to Kubernetes' form", () => {
    expect(labelError("app.kubernetes.io/name", "a-1_b.c")).toBeUndefined();
    expect(labelError("version", "")).toBeUndefined();
    expect(labelError("a b", "c")).toContain("key");
    expect(labelError("a", "c d")).toContain("value");
    expect(labelError("a", "c".repeat(64))).toContain("value");
  });
});
