import {
  ACCRUAL_BOUNDS,
  ACCRUAL_DEFAULTS,
  type FailureAccrual,
  type SuccessRateAccrual,
} from "../../../../model/upstream/failure-accrual.ts";
import type { AnnotationReader } from "./annotation-reader.ts";

const MODE = "balancer.linkerd.io/failure-accrual";
const MAX_FAILURES = `${MODE}-consecutive-max-failures`;
const MIN_PENALTY = `${MODE}-consecutive-min-penalty`;
const MAX_PENALTY = `${MODE}-consecutive-max-penalty`;
const JITTER_RATIO = `${MODE}-consecutive-jitter-ratio`;
const ALPHA = "balancer.alpha.linkerd.io/";
const THRESHOLD = `${ALPHA}failure-accrual-success-rate-threshold`;
const WINDOW = `${ALPHA}failure-accrual-success-rate-window`;
const MIN_REQUESTS = `${ALPHA}failure-accrual-success-rate-min-requests`;
const HONOR_RETRY_AFTER = `${ALPHA}failure-accrual-honor-retry-after`;

const CONSECUTIVE = [MAX_FAILURES, MIN_PENALTY, MAX_PENALTY, JITTER_RATIO, HONOR_RETRY_AFTER];
const UNIFIED = [THRESHOLD, WINDOW, MIN_REQUESTS];

export const BALANCER_PREFIXES: readonly string[] = ["balancer.linkerd.io/", ALPHA];
export const BALANCER_NAMES: readonly string[] = [MODE, ...CONSECUTIVE, ...UNIFIED];

/**
 * How endpoints of a Service are judged (Linkerd: Circuit Breaking). Undefined where the mode is
 * not set, or cannot be read.
 */
export function readFailureAccrual(reader: AnnotationReader): FailureAccrual | undefined {
  const mode = reader.word(MODE, ["consecutive", "unified"]);
  if (mode === undefined) {
    const without = `has no effect without ${MODE}`;
    if (!reader.has(MODE)) reportIdle(reader, [...CONSECUTIVE, ...UNIFIED], without);
    return undefined;
  }
  if (mode === "consecutive")
    reportIdle(reader, UNIFIED, `has no effect but with ${MODE}: unified`);
  const isUnified = mode === "unified";
  const failures = { ...ACCRUAL_BOUNDS.maxFailures, ...(isUnified ? {} : { min: 1 }) };
  const accrual: FailureAccrual = {
    maxFailures: reader.integer(MAX_FAILURES, failures) ?? ACCRUAL_DEFAULTS.maxFailures,
    successRate: isUnified ? readSuccessRate(reader) : undefined,
    ...readPenalties(reader),
    jitterRatio:
      reader.number(JITTER_RATIO, ACCRUAL_BOUNDS.jitterRatio) ?? ACCRUAL_DEFAULTS.jitterRatio,
    honorRetryAfter: reader.boolean(HONOR_RETRY_AFTER) === true,
  };
  if (!isIdle(accrual)) return accrual;
  reader.notExecuted(MODE, "Neither failures in a row nor the success rate count: nothing is shut");
  return undefined;
}

function readSuccessRate(reader: AnnotationReader): SuccessRateAccrual {
  return {
    threshold: reader.number(THRESHOLD, ACCRUAL_BOUNDS.threshold) ?? 0.8,
    windowMs: reader.duration(WINDOW, ACCRUAL_BOUNDS.windowMs) ?? 10_000,
    minRequests: reader.integer(MIN_REQUESTS, ACCRUAL_BOUNDS.minRequests) ?? 5,
  };
}

function readPenalties(
  reader: AnnotationReader,
): Pick<FailureAccrual, "minPenaltyMs" | "maxPenaltyMs"> {
  const minPenaltyMs =
    reader.duration(MIN_PENALTY, ACCRUAL_BOUNDS.penaltyMs) ?? ACCRUAL_DEFAULTS.minPenaltyMs;
  const maxPenaltyMs =
    reader.duration(MAX_PENALTY, ACCRUAL_BOUNDS.penaltyMs) ?? ACCRUAL_DEFAULTS.maxPenaltyMs;
  if (minPenaltyMs <= maxPenaltyMs) return { minPenaltyMs, maxPenaltyMs };
  const name = reader.has(MIN_PENALTY) ? MIN_PENALTY : MAX_PENALTY;
  const allowed = `a min-penalty (${minPenaltyMs}ms) up to the max-penalty (${maxPenaltyMs}ms)`;
  reader.bad(name, reader.annotations[name] ?? "", allowed);
  return {
    minPenaltyMs: ACCRUAL_DEFAULTS.minPenaltyMs,
    maxPenaltyMs: ACCRUAL_DEFAULTS.maxPenaltyMs,
  };
}

function isIdle({ maxFailures, successRate }: FailureAccrual): boolean {
  return maxFailures === 0 && (successRate === undefined || successRate.threshold === 0);
}

function reportIdle(reader: AnnotationReader, names: readonly string[], why: string): void {
  for (const name of names) if (reader.has(name)) reader.notExecuted(name, `${name} ${why}`);
}
