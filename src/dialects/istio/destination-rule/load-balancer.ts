import type { SlowStart } from "../../../model/balance/balancing.ts";
import type {
  LoadBalancerAlgorithm,
  LoadBalancerSettings,
} from "../../../model/destination-policy.ts";
import type { Spec } from "../spec.ts";
import { readConsistentHash } from "./consistent-hash.ts";
import { readLocality } from "./locality.ts";

const ALGORITHMS: Readonly<Record<string, LoadBalancerAlgorithm>> = {
  // A deprecated name.
  LEAST_CONN: "leastRequest",
  LEAST_REQUEST: "leastRequest",
  ROUND_ROBIN: "roundRobin",
  RANDOM: "random",
  PASSTHROUGH: "passthrough",
};

/** LoadBalancerSettings; `backendUtilization` balances by the default. */
export function readLoadBalancer(
  balancer: Spec,
  outlierDetection: boolean,
): LoadBalancerSettings | undefined {
  if (!balancer.present) return undefined;
  const simple = balancer.at("simple");
  if (simple.text() === "LEAST_CONN") {
    simple.report("warning", "IST0002", "Deprecated: LEAST_CONN is the old name of LEAST_REQUEST", {
      hint: "write LEAST_REQUEST, which means the same",
    });
  }
  checkPolicies(balancer);
  return {
    algorithm: ALGORITHMS[simple.text() ?? "UNSPECIFIED"],
    ...readConsistentHash(balancer.at("consistentHash")),
    slowStart: readWarmup(balancer),
    locality: readLocality(balancer, outlierDetection),
    origin: balancer.origin(),
  };
}

function checkPolicies(balancer: Spec): void {
  const policies = ["simple", "consistentHash", "backendUtilization"];
  const set = policies.filter((name) => balancer.at(name).present);
  if (set.length > 1) {
    balancer.refuse(`only one of ${set.join(", ")} can be set`, policies.join(" | "));
  }
}

/** Envoy's defaults, which Istio leaves alone. */
const AGGRESSION = 1;
const MIN_WEIGHT_PERCENT = 10;

/** New endpoints get their share little by little (Istio: WarmupConfiguration). */
function readWarmup(balancer: Spec): SlowStart | undefined {
  const deprecated = balancer.at("warmupDurationSecs");
  if (deprecated.present) {
    deprecated.report("warning", "IST0002", "Deprecated: use warmup.duration instead");
  }
  const warmup = balancer.at("warmup");
  const windowMs = warmup.at("duration").durationMs() ?? deprecated.durationMs() ?? 0;
  if (windowMs === 0) return undefined;
  return {
    windowMs,
    aggression: warmup.at("aggression").number() ?? AGGRESSION,
    minWeightPercent: warmup.at("minimumPercent").number() ?? MIN_WEIGHT_PERCENT,
  };
}
