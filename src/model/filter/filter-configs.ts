import type { CorsPolicy } from "./cors.ts";
import type { ExtAuthzOverride } from "./ext-authz.ts";
import type { HttpFault } from "./fault.ts";
import type { JwtRouteConfig } from "./jwt-authn.ts";
import type { LimitRule } from "./limit-rule.ts";
import type { LocalRateLimit } from "./local-rate-limit.ts";
import type { RbacOverride } from "./rbac.ts";
import type { SessionOverride } from "./stateful-session.ts";

/**
 * What a route, a virtual host or a route configuration says to single HTTP filters (Envoy:
 * `typed_per_filter_config`). Undefined: nothing.
 */
export interface FilterConfigs {
  readonly cors: CorsPolicy | undefined;
  readonly rateLimit: LocalRateLimit | undefined;
  readonly session: SessionOverride | undefined;
  /** Left out: nothing. */
  readonly fault?: HttpFault;
  /** Left out: nothing. */
  readonly extAuthz?: ExtAuthzOverride;
  /** Left out: nothing. */
  readonly jwt?: JwtRouteConfig;
  /** Left out: nothing. At most one for each filter's name. */
  readonly rbac?: readonly RbacOverride[];
  /** Envoy: `rate_limits` of a virtual host, or of a route that forwards. */
  readonly limitRules: readonly LimitRule[];
  /** Envoy: `include_vh_rate_limits` of a route. */
  readonly addsHostRules: boolean;
}

export const NO_FILTER_CONFIGS: FilterConfigs = {
  cors: undefined,
  rateLimit: undefined,
  session: undefined,
  limitRules: [],
  addsHostRules: false,
};
