import fc from "fast-check";
import { ACCRUAL_BOUNDS, type FailureAccrual } from "../../src/model/upstream/failure-accrual.ts";
import { optional } from "./arbitrary-words.ts";

const { maxFailures, penaltyMs, jitterRatio, threshold, windowMs, minRequests } = ACCRUAL_BOUNDS;

const fraction = (bounds: typeof jitterRatio | typeof threshold) =>
  fc.double({ ...bounds, noNaN: true }).map((value) => (Object.is(value, -0) ? 0 : value));

/** Any that may travel. */
export const failureAccrual: fc.Arbitrary<FailureAccrual> = fc
  .record({
    maxFailures: fc.integer(maxFailures),
    successRate: optional(
      fc.record({
        threshold: fraction(threshold),
        windowMs: fc.integer(windowMs),
        minRequests: fc.integer(minRequests),
      }),
    ),
    penalties: fc.tuple(fc.integer(penaltyMs), fc.integer(penaltyMs)),
    jitterRatio: fraction(jitterRatio),
    honorRetryAfter: fc.boolean(),
  })
  .map(({ penalties, ...rest }) => ({
    ...rest,
    minPenaltyMs: Math.min(...penalties),
    maxPenaltyMs: Math.max(...penalties),
  }));
