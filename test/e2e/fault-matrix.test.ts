/**
 * Some cells of the matrix of docs/resilience.md (`npm run matrix`): what each policy is for, and
 * what none may do. Bounds leave room for a busy machine; nothing is timed.
 */
import { expect, it } from "vitest";
import { faultNamed } from "../matrix/faults.ts";
import { policyNamed } from "../matrix/policies.ts";
import { type Outcome, type Pace, runCell } from "../matrix/run.ts";

const PACE = { ratePerSecond: 150, stretchMs: 1500 };
/** A window of well answers has to pass before failures are half of it. */
const PACE_OF_CIRCUITS = { ...PACE, stretchMs: 3500 };
/** The retry budget's: a fifth. */
const AMPLIFICATION_MAX = 1.2;

function cell(fault: string, policy: string, pace: Pace = PACE): Promise<Outcome> {
  return runCell(faultNamed(fault), policyNamed(policy), pace);
}

it("without a policy each request is executed once, and fails as its endpoint does", async () => {
  const outcome = await cell("all bad", "nothing");
  expect(outcome).toMatchObject({ amplification: 1, postsTwice: 0 });
  // What was due at the very end may have gone out behind it.
  expect(outcome.goodput).toBeLessThan(0.1);
});

it.each(["all bad", "reset"])("retries stay within their budget: %s", async (fault) => {
  const outcome = await cell(fault, "retries");
  expect(outcome.amplification).toBeGreaterThan(1);
  expect(outcome.amplification).toBeLessThanOrEqual(AMPLIFICATION_MAX);
  expect(outcome.postsTwice).toBe(0);
});

it.each(["outliers", "accrual, retries"])("one bad endpoint is left out: %s", async (policy) => {
  const outcome = await cell("one bad of ten", policy);
  expect(outcome.openMs).toBeDefined();
  expect(outcome.goodput).toBeGreaterThan(0.9);
  expect(outcome.postsTwice).toBe(0);
});

it("a circuit spares a service that fails as a whole", async () => {
  const outcome = await cell("all bad", "circuit, retries", PACE_OF_CIRCUITS);
  expect(outcome.refused).toBeGreaterThan(0.4);
  expect(outcome.amplification).toBeLessThan(0.8);
  expect(outcome.recoverMs).toBeDefined();
  expect(outcome.postsTwice).toBe(0);
});

it("all of them together lose to nothing that one of them copes with", async () => {
  const outcome = await cell("half-open", "all");
  expect(outcome.goodput).toBeGreaterThan(0.9);
  expect(outcome.postsTwice).toBe(0);
});
