import { describe, expect, it } from "vitest";
import { hystrixProperties } from "./hystrix-properties.ts";
import { settingsOf } from "./settings.ts";

describe("Hystrix's properties", () => {
  it("are those of the command over those of all", () => {
    const options = hystrixProperties("ratings", {
      "hystrix.command.ratings.execution.isolation.thread.timeoutInMilliseconds": "300",
      "hystrix.command.default.execution.isolation.thread.timeoutInMilliseconds": 900,
      "hystrix.command.default.circuitBreaker.sleepWindowInMilliseconds": 7000,
      "hystrix.command.default.fallback.enabled": "false",
      "hystrix.command.default.execution.isolation.strategy": "SEMAPHORE",
      "hystrix.command.reviews.circuitBreaker.forceOpen": true,
      "hystrix.threadpool.default.coreSize": 10,
    });
    expect(options).toEqual({
      name: "ratings",
      timeoutInMilliseconds: 300,
      sleepWindowInMilliseconds: 7000,
      fallbackEnabled: false,
    });
  });

  it("have Hystrix's defaults", () => {
    expect(settingsOf(hystrixProperties("ratings", {}))).toEqual({
      timeoutEnabled: true,
      timeoutInMilliseconds: 1000,
      maxConcurrentRequests: 10,
      enabled: true,
      requestVolumeThreshold: 20,
      errorThresholdPercentage: 50,
      sleepWindowInMilliseconds: 5000,
      fallbackEnabled: true,
      fallbackMaxConcurrentRequests: 10,
      rollingStatsTimeInMilliseconds: 10_000,
      rollingStatsNumBuckets: 10,
      rollingPercentileTimeInMilliseconds: 60_000,
      rollingPercentileNumBuckets: 6,
      healthSnapshotIntervalInMilliseconds: 0,
      halfOpenRequests: 1,
      probeTimeoutInMilliseconds: 1000,
    });
  });

  it("may have what means nothing without threads, and what is another command's", () => {
    const properties = {
      "hystrix.command.ratings.threadPoolKeyOverride": "books",
      "hystrix.command.ratings.execution.isolation.strategy": "THREAD",
      "hystrix.command.ratings.v2.circuitBreaker.forceOpen": true,
      "hystrix.threadpool.ratings.coreSize": 5,
    };
    expect(hystrixProperties("ratings", properties)).toEqual({ name: "ratings" });
  });

  it("are refused where they are unknown or wrong, all at once", () => {
    const wrong = {
      "hystrix.command.ratings.circuitBreaker.requestVolume": 5,
      "hystrix.command.ratings.circuitBreaker.forceOpen": "yes",
      "hystrix.command.ratings.metrics.rollingStats.numBuckets": "ten",
    };
    expect(() => hystrixProperties("ratings", wrong)).toThrow(
      "hystrix.command.ratings.circuitBreaker.requestVolume: no property of a command; " +
        "hystrix.command.ratings.circuitBreaker.forceOpen: yes is neither true nor false; " +
        "hystrix.command.ratings.metrics.rollingStats.numBuckets: ten is no whole number",
    );
  });
});
