import type {
  LoadBalancerAlgorithm,
  LoadBalancerSettings,
} from "../../../model/destination-policy.ts";
import type { Spec } from "../spec.ts";
import { checkLocality } from "./locality.ts";

const ALGORITHMS: Readonly<Record<string, LoadBalancerAlgorithm>> = {
  // Istio's default, and what its deprecated names come to.
  UNSPECIFIED: "leastRequest",
  LEAST_CONN: "leastRequest",
  LEAST_REQUEST: "leastRequest",
  ROUND_ROBIN: "roundRobin",
  RANDOM: "random",
  PASSTHROUGH: "passthrough",
};

/** LoadBalancerSettings: of `simple`; whatever else is set balances by the default. */
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
  checkConsistentHash(balancer.at("consistentHash"));
  checkWarmup(balancer);
  checkLocality(balancer, outlierDetection);
  const algorithm = ALGORITHMS[simple.text() ?? "UNSPECIFIED"] ?? "leastRequest";
  return { algorithm, origin: balancer.origin() };
}

function checkPolicies(balancer: Spec): void {
  const policies = ["simple", "consistentHash", "backendUtilization"];
  const set = policies.filter((name) => balancer.at(name).present);
  if (set.length > 1) {
    balancer.refuse(`only one of ${set.join(", ")} can be set`, policies.join(" | "));
  }
}

function checkWarmup(balancer: Spec): void {
  const deprecated = balancer.at("warmupDurationSecs");
  if (deprecated.present) {
    deprecated.report("warning", "IST0002", "Deprecated: use warmup.duration instead");
  }
}

/** Envoy's limit of a Maglev table. */
const TABLE_SIZE_LIMIT = 5_000_011;

function checkConsistentHash(hash: Spec): void {
  const cookie = hash.at("httpCookie");
  if (cookie.present && cookie.at("name").text() === "") {
    cookie.refuse("name required for HttpCookie");
  }
  const ringSize = hash.at("minimumRingSize");
  const [maglev, ringHash] = [hash.at("maglev"), hash.at("ringHash")];
  if ((ringSize.count() ?? 0) > 0) {
    ringSize.doubt(
      "consistent hash MinimumRingSize is deprecated, " +
        "use ConsistentHashLB's RingHash configuration instead",
    );
    if (maglev.present || ringHash.present) {
      hash.refuse("only one of MinimumRingSize or Maglev/Ringhash can be specified");
    }
  }
  if (maglev.present && ringHash.present) {
    hash.refuse("only one of ringHash, maglev can be set", "ringHash | maglev");
  }
  if (maglev.present) checkTableSize(maglev);
}

function checkTableSize(maglev: Spec): void {
  const size = maglev.at("tableSize").count() ?? 0;
  const node = maglev.at("tableSize");
  if (size === 0) node.refuse("tableSize must be set for maglev");
  else if (size >= TABLE_SIZE_LIMIT) {
    node.refuse(`tableSize must be less than ${TABLE_SIZE_LIMIT} for maglev`);
  } else if (!isPrime(size)) node.refuse("tableSize must be a prime number for maglev");
}

function isPrime(value: number): boolean {
  if (value < 4) return value > 1;
  if (value % 2 === 0) return false;
  for (let factor = 3; factor * factor <= value; factor += 2) {
    if (value % factor === 0) return false;
  }
  return true;
}
