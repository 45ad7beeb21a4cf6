import type { CorsPolicy } from "./cors.ts";

/**
 * What a route, a virtual host or a route configuration says to single HTTP filters (Envoy:
 * `typed_per_filter_config`). Undefined: nothing.
 */
export interface FilterConfigs {
  readonly cors: CorsPolicy | undefined;
}

export const NO_FILTER_CONFIGS: FilterConfigs = { cors: undefined };
