import type { ExtAuthzOverride } from "../../model/filter/ext-authz.ts";
import type { Fraction } from "../../model/filter/fraction.ts";
import type { JwtRouteConfig } from "../../model/filter/jwt-authn.ts";
import type { RequestHash } from "../affinity/request-hash.ts";
import type { CompiledSession } from "../affinity/session-filter.ts";
import type { CompiledCircuit } from "../circuit/compiled-circuit.ts";
import type { ClusterSlot } from "../cluster/cluster-slot.ts";
import type { CompiledCors } from "../filters/cors/compiled-cors.ts";
import type { CompiledFault } from "../filters/fault/compiled-fault.ts";
import type { CompiledRateLimit } from "../filters/rate-limit/compiled-rate-limit.ts";
import type { RouteLimitRules } from "../filters/rate-limit/request-descriptors.ts";
import type { RouteRbac } from "../filters/rbac/compiled-rbac.ts";
import type { CompiledRetry } from "../retry/compiled-retry.ts";
import type { HeaderMutator } from "./header-mutator.ts";
import type { HostRewrite, PathRewrite } from "./rewrite.ts";
import type { RouteMatcher } from "./route-matcher.ts";

/** A route as requests meet it. */
export interface CompiledRoute {
  readonly name: string;
  readonly matcher: RouteMatcher;
  readonly action: CompiledAction;
  /** Levels from the route outwards; a weighted cluster's own come before. */
  readonly requestHeaders: readonly HeaderMutator[];
  readonly responseHeaders: readonly HeaderMutator[];
  readonly attemptCountInRequest: boolean;
  readonly attemptCountInResponse: boolean;
  /** Undefined: no level says anything. */
  readonly cors: CompiledCors | undefined;
  /** Undefined: the listener's own. */
  readonly rateLimit: CompiledRateLimit | undefined;
  /** Policies in the place of the listener's own, by filter; undefined: none. */
  readonly rbac: RouteRbac | undefined;
  /** How requests are described to rate limits; undefined: not at all. */
  readonly limitRules: RouteLimitRules | undefined;
  /** Undefined: the listener's own. */
  readonly session: CompiledSession | undefined;
  /** Undefined: what the filter says. */
  readonly extAuthz: ExtAuthzOverride | undefined;
  /** Undefined: what the filter says. */
  readonly fault: CompiledFault | undefined;
  /** Undefined: what the filter's rules say. */
  readonly jwt: JwtRouteConfig | undefined;
  /** In the place of the cluster's; undefined: that counts. */
  readonly circuit: CompiledCircuit | undefined;
}

export type CompiledAction = CompiledForward | CompiledRedirect | CompiledDirectResponse;

export interface CompiledForward {
  readonly kind: "forward";
  readonly targets: readonly Target[];
  /** The sum of the weights. */
  readonly weight: number;
  /** 0: none. Envoy has none either where the route bounds the whole stream instead. */
  readonly timeoutMs: number;
  /** Longest time from a stream's first byte to its last; 0: none; undefined: the listener's. */
  readonly maxStreamDurationMs: number | undefined;
  /** The upstream of a gRPC call hears of that time. */
  readonly announcesDuration: boolean;
  /** Of a `grpc-timeout` as that time; 0: no bound; undefined: it does not count. */
  readonly grpcTimeoutHeaderMaxMs: number | undefined;
  /** Of a `grpc-timeout` in the timeout's place; likewise. */
  readonly grpcTimeoutMaxMs: number | undefined;
  /** Undefined: the listener's. */
  readonly idleTimeoutMs: number | undefined;
  readonly retry: CompiledRetry | undefined;
  /** A try that is late is joined by another (Envoy: hedge_on_per_try_timeout). */
  readonly hedges: boolean;
  /** What RING_HASH and MAGLEV go by; undefined: nothing. */
  readonly hash: RequestHash | undefined;
  readonly rewrite: PathRewrite | undefined;
  readonly hostRewrite: string | undefined;
  readonly hostRewriteFrom: HostRewrite | undefined;
  /** Host is the endpoint's hostname. */
  readonly autoHostRewrite: boolean;
  readonly appendForwardedHost: boolean;
  /** Of a CONNECT only the payload goes upstream (Envoy: connect_config). */
  readonly terminatesConnect: boolean;
  /** Most have none. */
  readonly mirrors: readonly CompiledMirror[];
  readonly clusterNotFoundStatus: number;
}

/** Where copies of requests go. */
export interface CompiledMirror {
  readonly slot: ClusterSlot;
  /** Undefined: of all of them. */
  readonly fraction: Fraction | undefined;
  /** Host says that it is a copy. */
  readonly shadowHost: boolean;
}

/** One cluster of a split. */
export interface Target {
  readonly slot: ClusterSlot;
  /** Weights of the targets up to and with this one. */
  readonly upTo: number;
  readonly requestHeaders: readonly HeaderMutator[];
  readonly responseHeaders: readonly HeaderMutator[];
  /** Empty leaves the Host as it is. */
  readonly hostRewrite: string;
}

export interface CompiledRedirect {
  readonly kind: "redirect";
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly scheme: string | undefined;
  readonly path: string | undefined;
  readonly rewrite: PathRewrite | undefined;
  readonly status: number;
  readonly stripQuery: boolean;
}

export interface CompiledDirectResponse {
  readonly kind: "directResponse";
  readonly status: number;
  readonly body: string;
}

/** Which target of a split a request takes; `draw` in [0, weight). */
export function targetOf(action: CompiledForward, draw: number): Target | undefined {
  const { targets } = action;
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i];
    if (target !== undefined && draw < target.upTo) return target;
  }
  return targets[targets.length - 1];
}
