import { describe, expect, it } from "vitest";
import {
  BadRequestError,
  BulkheadFullError,
  CallTimeoutError,
  CircuitOpenError,
  FallbackFailedError,
  PolicyError,
  RateLimitedError,
} from "./errors.ts";

describe("errors of policies", () => {
  it.each([
    [new CircuitOpenError("ratings"), "CircuitOpenError: circuit ratings is open", "circuit_open"],
    [
      new CallTimeoutError("ratings", 50),
      "CallTimeoutError: ratings: no answer within 50 ms",
      "timeout",
    ],
    [
      new BulkheadFullError("ratings"),
      "BulkheadFullError: bulkhead ratings is full",
      "bulkhead_full",
    ],
    [
      new RateLimitedError("ratings", 7),
      "RateLimitedError: ratings: over the rate; again in 7 ms",
      "rate_limited",
    ],
    [new BadRequestError("no id"), "BadRequestError: no id", "bad_request"],
  ] as const)("say what happened, whose policy it was and why: %s", (error, text, reason) => {
    expect(String(error)).toBe(text);
    expect(error.reason).toBe(reason);
    expect(error).toBeInstanceOf(PolicyError);
    expect(error).toBeInstanceOf(Error);
  });

  it("take no stack, and leave the application's errors theirs", () => {
    const limit = Error.stackTraceLimit;
    expect(new CircuitOpenError("ratings").stack).toBe("CircuitOpenError: circuit ratings is open");
    expect(Error.stackTraceLimit).toBe(limit);
    expect(new Error("own").stack).toContain("errors.test.ts");
  });

  it("keep what the call failed with, when the fallback fails as well", () => {
    const [call, fallback] = [new Error("call"), new Error("fallback")];
    const error = new FallbackFailedError("ratings", call, fallback);
    expect(error.cause).toBe(call);
    expect(error.fallbackError).toBe(fallback);
  });
});
