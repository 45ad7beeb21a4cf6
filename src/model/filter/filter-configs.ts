import type { CorsPolicy } from "./cors.ts";
import type { LocalRateLimit } from "./local-rate-limit.ts";
import type { SessionOverride } from "./stateful-session.ts";

/**
 * What a route, a virtual host or a route configuration says to single HTTP filters (Envoy:
 * `typed_per_filter_config`). Undefined: nothing.
 */
export interface FilterConfigs {
  readonly cors: CorsPolicy | undefined;
  readonly rateLimit: LocalRateLimit | undefined;
  readonly session: SessionOverride | undefined;
}

export const NO_FILTER_CONFIGS: FilterConfigs = {
  cors: undefined,
  rateLimit: undefined,
  session: undefined,
};
