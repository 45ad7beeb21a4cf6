import type { Clock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { Registry } from "../../src/metrics/registry.ts";
import { ENVOY_THRESHOLDS } from "../../src/model/cluster.ts";
import type { OverloadConfig } from "../../src/model/overload/overload.ts";
import { LocalLimits } from "../../src/proxy/limits/limits.ts";
import { UNBOUNDED } from "../../src/proxy/overload/descriptors.ts";
import { Overload } from "../../src/proxy/overload/overload.ts";
import { OverloadStats } from "../../src/proxy/overload/overload-stats.ts";

/** Looks at nothing and does nothing. */
export const NO_OVERLOAD: OverloadConfig = {
  refreshIntervalMs: 1000,
  monitors: [],
  maxDownstreamConnections: undefined,
  actions: [],
};

/** For what is tested below the proxy as a whole. */
export function calmOverload(clock: Clock): Overload {
  return new Overload({
    config: NO_OVERLOAD,
    clock,
    random: new SeededRandom(1),
    stats: new OverloadStats(new Registry(), NO_OVERLOAD),
    readPressure: () => 0,
    bounds: UNBOUNDED,
    connections: new LocalLimits({ ...ENVOY_THRESHOLDS, maxRequests: Number.POSITIVE_INFINITY }),
  });
}
