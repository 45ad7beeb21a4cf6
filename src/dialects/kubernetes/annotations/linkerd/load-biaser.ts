import { type FailurePenalty, PENALTY_BOUNDS } from "../../../../model/balance/balancing.ts";
import type { AnnotationReader } from "./annotation-reader.ts";

const PREFIX = "balancer.alpha.linkerd.io/";
const PENALIZE = `${PREFIX}penalize-failures`;
const PENALTY = `${PREFIX}load-biaser-penalty`;
const MAX_RETRY_AFTER = `${PREFIX}load-biaser-max-retry-after`;

export const BIASER_NAMES: readonly string[] = [PENALIZE, PENALTY, MAX_RETRY_AFTER];

/** The annotation of our own that asks for Linkerd's balancing, and its value. */
const BALANCER = "outrigger.dev/load-balancer";
const PEAK_EWMA = "PEAK_EWMA";

/** Failures add load where a Service is balanced by peak EWMA. Undefined: they do not. */
export function readFailurePenalty(reader: AnnotationReader): FailurePenalty | undefined {
  const penalizes = reader.boolean(PENALIZE);
  const penalty: FailurePenalty = {
    penaltyMs: reader.duration(PENALTY, PENALTY_BOUNDS) ?? 5000,
    maxRetryAfterMs: reader.duration(MAX_RETRY_AFTER, PENALTY_BOUNDS) ?? 300_000,
  };
  if (penalizes !== true) {
    for (const name of [PENALTY, MAX_RETRY_AFTER]) {
      if (reader.has(name)) reader.notExecuted(name, `${name} has no effect without ${PENALIZE}`);
    }
    return undefined;
  }
  if (reader.annotations[BALANCER] === PEAK_EWMA) return penalty;
  const message = `${PENALIZE} has no effect: the Service is not balanced by peak EWMA`;
  reader.notExecuted(PENALIZE, message, `write ${BALANCER}: ${PEAK_EWMA} beside it`);
  return undefined;
}
