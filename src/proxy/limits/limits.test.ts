import { describe, expect, it } from "vitest";
import { ENVOY_THRESHOLDS, type Thresholds } from "../../model/cluster.ts";
import type { ConnectionWaiter } from "./connection-queue.ts";
import { type Limits, LocalLimits } from "./limits.ts";
import { releaseAll, SharedLimits, sharedUse } from "./shared-limits.ts";

function thresholds(changes: Partial<Thresholds>): Thresholds {
  return { ...ENVOY_THRESHOLDS, ...changes };
}

function twoWorkers(changes: Partial<Thresholds>): [SharedLimits, SharedLimits, Int32Array] {
  const use = sharedUse(2);
  const of = (worker: number) => new SharedLimits(thresholds(changes), use, worker);
  return [of(0), of(1), use];
}

const NOBODY: ConnectionWaiter = { onConnectionLeft: () => undefined };

const KINDS = [
  { name: "limits of one thread", make: (of: Thresholds) => new LocalLimits(of) },
  { name: "shared limits", make: (of: Thresholds) => new SharedLimits(of, sharedUse(2), 1) },
];

const RESOURCES = [
  { max: "maxConnections", take: "takeConnection", release: "releaseConnection" },
  { max: "maxPendingRequests", take: "takePending", release: "releasePending" },
  { max: "maxRequests", take: "takeRequest", release: "releaseRequest" },
  { max: "maxRetries", take: "takeRetry", release: "releaseRetry" },
] as const;

const REMAINING = {
  maxConnections: "remainingConnections",
  maxPendingRequests: "remainingPending",
  maxRequests: "remainingRequests",
  maxRetries: "remainingRetries",
} as const;

describe.each(KINDS)("$name", ({ make }) => {
  it.each(RESOURCES)("refuse what goes over $max until one is released", (resource) => {
    const limits: Limits = make(thresholds({ [resource.max]: 1 }));
    expect(limits[resource.take](0)).toBe(true);
    expect(limits[resource.take](0)).toBe(false);
    expect(limits[REMAINING[resource.max]]).toBe(0);
    limits[resource.release]();
    expect(limits[REMAINING[resource.max]]).toBe(1);
    expect(limits[resource.take](0)).toBe(true);
  });

  it("let retries be a share of the requests in flight, and at least the minimum", () => {
    const limits = make(thresholds({ retryBudget: { budgetPercent: 20, minRetryConcurrency: 3 } }));
    expect(limits.remainingRetries).toBe(3);
    for (let i = 0; i < 50; i++) limits.takeRequest();
    expect(limits.remainingRetries).toBe(10);
    for (let i = 0; i < 10; i++) expect(limits.takeRetry(0)).toBe(true);
    expect(limits.takeRetry(0)).toBe(false);
  });

  it("count the first connection of a host where none is allowed", () => {
    const limits = make(thresholds({ maxConnections: 0 }));
    expect(limits.takeConnection()).toBe(false);
    expect(limits.takeFirstConnection(NOBODY)).toBe(true);
    limits.change(thresholds({ maxConnections: 1 }));
    expect(limits.takeConnection()).toBe(false);
    limits.releaseConnection();
    expect(limits.takeConnection()).toBe(true);
  });

  it("keep what is in use when the thresholds change", () => {
    const limits = make(thresholds({ maxRequests: 5 }));
    for (let i = 0; i < 3; i++) limits.takeRequest();
    limits.change(thresholds({ maxRequests: 2 }));
    expect([limits.remainingRequests, limits.takeRequest()]).toEqual([0, false]);
  });
});

describe("two workers", () => {
  it.each(RESOURCES)("share $max", ({ max, take, release }) => {
    const [one, other] = twoWorkers({ [max]: 2 });
    expect([one[take](0), other[take](0), one[take](0), other[take](0)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    one[release]();
    expect(other[take](0)).toBe(true);
  });

  it("share the requests that a retry budget is a share of", () => {
    const budget = { retryBudget: { budgetPercent: 50, minRetryConcurrency: 0 } };
    const [one, other] = twoWorkers(budget);
    for (let i = 0; i < 4; i++) one.takeRequest();
    expect(other.remainingRetries).toBe(2);
    expect([other.takeRetry(0), other.takeRetry(0), one.takeRetry(0)]).toEqual([true, true, false]);
  });
});

describe("a retry rate over another window", () => {
  const rated = (windowMs: number) => ({
    ...ENVOY_THRESHOLDS,
    maxRetries: 100,
    retryRate: { percent: 0, minPerSecond: 2, windowMs },
  });

  it.each([
    { before: 1000, after: 10_000 },
    { before: 10_000, after: 1000 },
  ])(
    "of $after ms after $before ms begins with nothing, and forgets again",
    ({ before, after }) => {
      const use = sharedUse(2);
      const [one, other] = [0, 1].map((worker) => new SharedLimits(rated(before), use, worker));
      if (one === undefined || other === undefined) throw new Error("two are made");
      const taken = (limits: SharedLimits, nowMs: number): number =>
        Array.from({ length: 50 }, () => limits.takeRetry(nowMs)).filter(Boolean).length;
      const allowed = (windowMs: number) => (2 * windowMs) / 1000;
      expect(taken(one, 60_000)).toBe(allowed(before));
      one.change(rated(after));
      taken(other, 60_000);
      other.change(rated(after));
      expect(taken(other, 60_001)).toBe(allowed(after));
      expect(taken(one, 60_001)).toBe(0);
      expect(taken(one, 60_001 + 2 * after)).toBe(allowed(after));
    },
  );
});

describe("a worker that has ended", () => {
  it("holds nothing any more, and the others what they held", () => {
    const [one, other, use] = twoWorkers({ maxRequests: 3, maxConnections: 1 });
    one.takeRequest();
    one.takeRequest();
    one.takeConnection();
    other.takeRequest();
    expect(other.remainingRequests).toBe(0);
    releaseAll(use, 0);
    expect([other.remainingRequests, other.remainingConnections]).toEqual([2, 1]);
  });

  it("is followed by one that begins with nothing", () => {
    const [one, , use] = twoWorkers({ maxRequests: 1 });
    one.takeRequest();
    releaseAll(use, 0);
    const successor = new SharedLimits(thresholds({ maxRequests: 1 }), use, 0);
    expect([successor.takeRequest(), successor.takeRequest()]).toEqual([true, false]);
    releaseAll(use, 0);
    expect(successor.remainingRequests).toBe(1);
  });
});
