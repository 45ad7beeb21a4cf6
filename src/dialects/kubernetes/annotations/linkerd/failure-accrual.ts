import type {
  FailureAccrual,
  SuccessRateAccrual,
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
const PENALIZE = `${ALPHA}penalize-failures`;
const BIASER = [PENALIZE, `${ALPHA}load-biaser-penalty`, `${ALPHA}load-biaser-max-retry-after`];

const CONSECUTIVE = [MAX_FAILURES, MIN_PENALTY, MAX_PENALTY, JITTER_RATIO, HONOR_RETRY_AFTER];
const UNIFIED = [THRESHOLD, WINDOW, MIN_REQUESTS];

export const BALANCER_PREFIXES: readonly string[] = ["balancer.linkerd.io/", ALPHA];
export const BALANCER_NAMES: readonly string[] = [MODE, ...CONSECUTIVE, ...UNIFIED, ...BIASER];

/** Linkerd's own bounds, which its proxy holds a policy to. */
const WINDOW_MIN_MS = 10;
const MIN_REQUESTS_MAX = 1_000_000;
const FAILURES_MAX = 4_294_967_295;

/**
 * How endpoints of a Service are judged (Linkerd: Circuit Breaking). Undefined where the mode is
 * not set, or cannot be read.
 */
export function readFailureAccrual(reader: AnnotationReader): FailureAccrual | undefined {
  reportBiaser(reader);
  const mode = reader.word(MODE, ["consecutive", "unified"]);
  if (mode === undefined) {
    const without = `has no effect without ${MODE}`;
    if (!reader.has(MODE)) reportIdle(reader, [...CONSECUTIVE, ...UNIFIED], without);
    return undefined;
  }
  if (mode === "consecutive")
    reportIdle(reader, UNIFIED, `has no effect but with ${MODE}: unified`);
  const isUnified = mode === "unified";
  const min = isUnified ? 0 : 1;
  const accrual: FailureAccrual = {
    maxFailures: reader.integer(MAX_FAILURES, { min, max: FAILURES_MAX }) ?? 7,
    successRate: isUnified ? readSuccessRate(reader) : undefined,
    ...readPenalties(reader),
    jitterRatio: reader.number(JITTER_RATIO, { min: 0, max: 100 }) ?? 0.5,
    honorRetryAfter: reader.boolean(HONOR_RETRY_AFTER) === true,
  };
  if (!isIdle(accrual)) return accrual;
  reader.notExecuted(MODE, "Neither failures in a row nor the success rate count: nothing is shut");
  return undefined;
}

function readSuccessRate(reader: AnnotationReader): SuccessRateAccrual {
  return {
    threshold: reader.number(THRESHOLD, { min: 0, max: 1 }) ?? 0.8,
    windowMs: reader.duration(WINDOW, WINDOW_MIN_MS) ?? 10_000,
    minRequests: reader.integer(MIN_REQUESTS, { min: 0, max: MIN_REQUESTS_MAX }) ?? 5,
  };
}

function readPenalties(
  reader: AnnotationReader,
): Pick<FailureAccrual, "minPenaltyMs" | "maxPenaltyMs"> {
  const minPenaltyMs = reader.duration(MIN_PENALTY, 1) ?? 1000;
  const maxPenaltyMs = reader.duration(MAX_PENALTY, 1) ?? 60_000;
  if (minPenaltyMs <= maxPenaltyMs) return { minPenaltyMs, maxPenaltyMs };
  const name = reader.has(MIN_PENALTY) ? MIN_PENALTY : MAX_PENALTY;
  const allowed = `a min-penalty (${minPenaltyMs}ms) of at most the max-penalty (${maxPenaltyMs}ms)`;
  reader.bad(name, reader.annotations[name] ?? "", allowed);
  return { minPenaltyMs: 1000, maxPenaltyMs: 60_000 };
}

function isIdle({ maxFailures, successRate }: FailureAccrual): boolean {
  return maxFailures === 0 && (successRate === undefined || successRate.threshold === 0);
}

function reportIdle(reader: AnnotationReader, names: readonly string[], why: string): void {
  for (const name of names) if (reader.has(name)) reader.notExecuted(name, `${name} ${why}`);
}

/** Endpoints that fail fast attract requests by peak EWMA; nothing here makes them look slow. */
function reportBiaser(reader: AnnotationReader): void {
  if (reader.boolean(PENALIZE) === false) return;
  const hint = `${MODE} takes failing endpoints out of balancing`;
  for (const name of BIASER) {
    if (!reader.has(name)) continue;
    reader.notExecuted(name, `${name} is read but not executed: failures add no load`, hint);
  }
}
