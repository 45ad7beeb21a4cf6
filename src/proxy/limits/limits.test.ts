import { expect, it } from "vitest";
import { ENVOY_THRESHOLDS } from "../../model/cluster.ts";
import { Limits } from "./limits.ts";

it("refuses what goes over a threshold, and takes again after a release", () => {
  const limits = new Limits({ ...ENVOY_THRESHOLDS, maxRequests: 1 });
  expect(limits.takeRequest()).toBe(true);
  expect(limits.takeRequest()).toBe(false);
  limits.releaseRequest();
  expect(limits.takeRequest()).toBe(true);
  expect(limits.remainingRequests).toBe(0);
});

it("lets retries be a share of the requests in flight, and at least the minimum", () => {
  const retryBudget = { budgetPercent: 20, minRetryConcurrency: 3 };
  const limits = new Limits({ ...ENVOY_THRESHOLDS, retryBudget });
  expect(limits.remainingRetries).toBe(3);
  for (let i = 0; i < 50; i++) limits.takeRequest();
  expect(limits.remainingRetries).toBe(10);
  for (let i = 0; i < 10; i++) expect(limits.takeRetry()).toBe(true);
  expect(limits.takeRetry()).toBe(false);
});
