import type { Clock } from "../../base/clock.ts";
import type { HttpConnectionManager } from "../../model/listener.ts";
import { SessionFilterFactory } from "../affinity/session-filter.ts";
import type { ClusterSlot } from "../cluster/cluster-slot.ts";
import { CorsFilterFactory } from "../filters/cors/cors-filter.ts";
import { CompiledExtAuthz } from "../filters/ext-authz/compiled-ext-authz.ts";
import { ExtAuthzFilterFactory } from "../filters/ext-authz/ext-authz-filter.ts";
import { CompiledFault } from "../filters/fault/compiled-fault.ts";
import type { FaultCounts } from "../filters/fault/fault-counts.ts";
import { FaultFilterFactory } from "../filters/fault/fault-filter.ts";
import type { HttpFilterFactory } from "../filters/http-filter.ts";
import { CompiledJwtAuthn, type KeysOf } from "../filters/jwt/compiled-jwt-authn.ts";
import { JwtFilterFactory } from "../filters/jwt/jwt-filter.ts";
import type { JwtKeys } from "../filters/jwt/keys/jwt-keys.ts";
import { RateLimitFilterFactory } from "../filters/rate-limit/rate-limit-filter.ts";
import type { RateLimits } from "../filters/rate-limit/rate-limits.ts";
import { RbacFilterFactory } from "../filters/rbac/rbac-filter.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

/** What filters are made of beside their own settings. */
export interface FilterParts {
  readonly telemetry: Telemetry;
  readonly rateLimits: RateLimits;
  readonly jwtKeys: JwtKeys;
  readonly faultCounts: FaultCounts;
  readonly clock: Clock;
  /** Where a cluster of that name is, or will be. */
  readonly slotOf: (cluster: string) => ClusterSlot;
}

/** The filters that look at requests and answers one by one, in the configuration's order. */
export function compileFilters(
  { httpFilters, statPrefix }: HttpConnectionManager,
  { clock, faultCounts, jwtKeys, rateLimits, slotOf, telemetry }: FilterParts,
): readonly HttpFilterFactory[] {
  return httpFilters.flatMap((filter): HttpFilterFactory[] => {
    if (filter.kind === "cors") return [new CorsFilterFactory(telemetry.cors(statPrefix))];
    if (filter.kind === "extAuthz") {
      const { authz } = filter;
      const stats = telemetry.extAuthz(statPrefix, authz.statPrefix);
      const slot = slotOf(authz.service.cluster);
      return [new ExtAuthzFilterFactory(new CompiledExtAuthz(authz, slot, stats))];
    }
    if (filter.kind === "fault") {
      const fault = new CompiledFault(filter.fault);
      const active = faultCounts.of(statPrefix);
      return [new FaultFilterFactory(fault, active, telemetry.fault(statPrefix))];
    }
    if (filter.kind === "jwtAuthn") {
      const keysOf: KeysOf = (source) => jwtKeys.of(source, statPrefix);
      const stats = telemetry.jwt(statPrefix);
      return [new JwtFilterFactory(new CompiledJwtAuthn(filter.authn, keysOf, clock, stats))];
    }
    if (filter.kind === "localRateLimit") {
      return [new RateLimitFilterFactory(rateLimits.of(filter.limit))];
    }
    if (filter.kind === "rbac") {
      const stats = telemetry.rbac({ statPrefix, ...filter.rbac });
      return [new RbacFilterFactory(filter.name, filter.rbac, stats)];
    }
    if (filter.kind === "statefulSession") return [new SessionFilterFactory(filter)];
    return [];
  });
}
