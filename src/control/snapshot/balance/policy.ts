import {
  ENVOY_BALANCING,
  type LbPolicy,
  type PeakEwmaOptions,
} from "../../../model/balance/balancing.ts";
import { REGION_LABEL, ZONE_LABEL } from "../../../model/balance/locality.ts";
import type { Cluster, DiscoveryType } from "../../../model/cluster.ts";
import type { LocalitySettings, PolicyBlocks } from "../../../model/destination-policy.ts";
import type { Labels, Service } from "../../../model/mesh.ts";
import type { LocalityRules } from "./localities.ts";
import { outlierDetectionOf } from "./outliers.ts";

type Balancing = Pick<
  Cluster,
  "lbPolicy" | "balancing" | "healthyPanicThreshold" | "outlierDetection"
>;

/** Envoy's default. */
const PANIC_PERCENT = 50;

/**
 * How requests to a cluster are balanced: by the DestinationRule, else as Istio does. `locality`:
 * see `localityRulesOf`.
 */
export function balancingOf(
  discovery: DiscoveryType,
  service: Service,
  blocks: PolicyBlocks,
  locality: LocalitySettings | undefined,
): Balancing {
  const { loadBalancer, outlierDetection } = blocks;
  const { ringHash } = ENVOY_BALANCING;
  const weighs = locality?.enabled === true && locality.distribute.length > 0;
  return {
    lbPolicy: lbPolicyOf(discovery, service, blocks),
    balancing: {
      ...ENVOY_BALANCING,
      ringHash: {
        ...ringHash,
        minimumRingSize: loadBalancer?.minimumRingSize || ringHash.minimumRingSize,
      },
      maglevTableSize: loadBalancer?.maglevTableSize ?? ENVOY_BALANCING.maglevTableSize,
      slowStart: loadBalancer?.slowStart,
      localityWeighted: weighs,
      peakEwma: peakEwmaOf(service),
    },
    healthyPanicThreshold: outlierDetection?.minHealthPercent ?? PANIC_PERCENT,
    outlierDetection: outlierDetection && outlierDetectionOf(outlierDetection),
  };
}

/** Failures weigh where the Service asks for it. */
function peakEwmaOf({ traffic }: Service): PeakEwmaOptions {
  const { peakEwma } = ENVOY_BALANCING;
  const failurePenalty = traffic?.failurePenalty;
  return failurePenalty === undefined ? peakEwma : { ...peakEwma, failurePenalty };
}

function lbPolicyOf(
  discovery: DiscoveryType,
  service: Service,
  { loadBalancer }: PolicyBlocks,
): LbPolicy {
  if (discovery === "originalDst") return "clusterProvided";
  const algorithm = loadBalancer?.algorithm ?? service.algorithm ?? "leastRequest";
  return algorithm === "passthrough" ? "random" : algorithm;
}

/** The labels that `trafficDistribution: PreferClose` compares, in their order. */
const CLOSE: readonly string[] = [REGION_LABEL, ZONE_LABEL];

/**
 * What the client's place means for its requests to a service. A Service's `trafficDistribution`
 * holds where no DestinationRule says something about localities, and needs no outlier detection;
 * then come the mesh's own settings.
 */
export function localityRulesOf(
  service: Service,
  { loadBalancer, outlierDetection }: PolicyBlocks,
  labels: Labels,
  mesh: LocalitySettings | undefined,
): LocalityRules {
  const written = loadBalancer?.locality;
  if (written === undefined && service.prefersClose === true) {
    return { labels, settings: PREFER_CLOSE, failsOver: true };
  }
  return { labels, settings: written ?? mesh, failsOver: outlierDetection !== undefined };
}

const PREFER_CLOSE: LocalitySettings = {
  enabled: true,
  distribute: [],
  failover: [],
  failoverPriority: CLOSE,
};
