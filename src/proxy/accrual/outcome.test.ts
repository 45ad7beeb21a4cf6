import { describe, expect, it } from "vitest";
import { GRPC_STATUS, GRPC_STATUS_NAMES } from "../../codec/grpc/status.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";
import { outcomeOf } from "./outcome.ts";
import { retryHintMs } from "./retry-hint.ts";

describe("an answer", () => {
  it.each([
    [200, "success"],
    [101, "success"],
    [404, "success"],
    [429, "throttled"],
    [499, "success"],
    [500, "failure"],
    [599, "failure"],
  ])("of status %i is a %s", (status, outcome) => {
    expect(outcomeOf(status, -1)).toBe(outcome);
  });

  const failures = [
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "PERMISSION_DENIED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
  ];

  it.each(GRPC_STATUS_NAMES)("of a gRPC call that says %s is what Linkerd makes of it", (name) => {
    const wanted = failures.includes(name)
      ? "failure"
      : name === "RESOURCE_EXHAUSTED"
        ? "throttled"
        : "success";
    expect(outcomeOf(200, GRPC_STATUS[name as keyof typeof GRPC_STATUS])).toBe(wanted);
  });
});

describe("what an answer says of coming again", () => {
  const NOW = Date.parse("2026-01-02T03:04:05Z");

  it.each([
    ["retry-after", "3", 3000],
    ["retry-after", " 3 ", 3000],
    ["retry-after", "Fri, 02 Jan 2026 03:05:05 GMT", 60_000],
    ["retry-after", "Fri, 02 Jan 2026 03:00:00 GMT", 0],
    ["retry-after", "-1", 0],
    ["retry-after", "1.5", 0],
    ["retry-after", "soon", 0],
    ["retry-after", "9999999999", 9_999_999_999_000],
    ["retry-after", "Fri Jan  2 03:05:05 2026", 60_000],
    ["retry-after", "Friday, 02-Jan-26 03:05:05 GMT", 60_000],
    ["retry-after", "Thu, 31 Dec 9999 23:59:59 GMT", 251_634_977_754_000],
    ["retry-after", "3 GMT", 0],
    ["grpc-retry-pushback-ms", "250", 250],
    ["grpc-retry-pushback-ms", "-1", 0],
    ["x-other", "3", 0],
  ])("%s: %s is %i ms", (name, value, waitMs) => {
    const headers = new HeaderTable();
    headers.addName(name, value);
    expect(retryHintMs(headers, NOW)).toBe(waitMs);
  });

  it.each(["9".repeat(400), ` ${"9".repeat(60_000)} `])("is endless, where it is", (value) => {
    const headers = new HeaderTable();
    headers.addName("retry-after", value);
    expect(retryHintMs(headers, NOW)).toBe(Number.POSITIVE_INFINITY);
  });

  it("gRPC's word comes first", () => {
    const headers = new HeaderTable();
    headers.addName("retry-after", "10");
    headers.addName("grpc-retry-pushback-ms", "20");
    expect(retryHintMs(headers, NOW)).toBe(20);
  });
});
