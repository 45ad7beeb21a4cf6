import type { HttpConnectionManager } from "../../model/listener.ts";
import { SessionFilterFactory } from "../affinity/session-filter.ts";
import { CorsFilterFactory } from "../filters/cors/cors-filter.ts";
import type { HttpFilterFactory } from "../filters/http-filter.ts";
import { RateLimitFilterFactory } from "../filters/rate-limit/rate-limit-filter.ts";
import type { RateLimits } from "../filters/rate-limit/rate-limits.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

/** The filters that look at requests and answers one by one, in the configuration's order. */
export function compileFilters(
  { httpFilters, statPrefix }: HttpConnectionManager,
  telemetry: Telemetry,
  rateLimits: RateLimits,
): readonly HttpFilterFactory[] {
  return httpFilters.flatMap((filter): HttpFilterFactory[] => {
    if (filter.kind === "cors") return [new CorsFilterFactory(telemetry.cors(statPrefix))];
    if (filter.kind === "localRateLimit") {
      return [new RateLimitFilterFactory(rateLimits.of(filter.limit))];
    }
    if (filter.kind === "statefulSession") return [new SessionFilterFactory(filter)];
    return [];
  });
}
