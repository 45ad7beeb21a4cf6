import type { Fraction } from "./fraction.ts";

/**
 * Envoy: route.v3.RouteAction.RequestMirrorPolicy: a copy of each request goes to another cluster,
 * whose answer nobody sees.
 */
export interface MirrorPolicy {
  readonly cluster: string;
  /** Undefined: every request. */
  readonly fraction: Fraction | undefined;
  /** The copy's Host is `reviews-shadow`; Envoy's default. */
  readonly shadowHost: boolean;
}
