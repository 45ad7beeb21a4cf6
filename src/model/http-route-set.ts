import type { RetryBudgetSettings } from "./destination-policy.ts";
import type { CorsPolicy } from "./filter/cors.ts";
import type { HttpFault } from "./filter/fault.ts";
import type { Fraction } from "./filter/fraction.ts";
import type { SessionState } from "./filter/stateful-session.ts";
import type { Labels } from "./mesh.ts";
import type { Origin } from "./origin.ts";
import {
  type DirectResponseAction,
  type HeaderMutations,
  NO_MUTATIONS,
  type RedirectAction,
  type RegexRewrite,
  type RouteMatch,
} from "./route.ts";

/** The dialect that a route set was written in, strongest first (`docs/adr/0004`). */
export const DIALECT_PRECEDENCE = ["istio", "linkerd", "gateway-api", "smi"] as const;
export type RouteDialect = (typeof DIALECT_PRECEDENCE)[number];

/**
 * HTTP routing wanted for some hosts: an Istio VirtualService on gateway `mesh`, a Linkerd
 * ServiceProfile, a Gateway API HTTPRoute whose parent is a Service, or an SMI TrafficSplit.
 * `model/precedence.ts` says which one holds where several speak about a host; losers are
 * diagnostics.
 */
export interface HttpRouteSet {
  readonly dialect: RouteDialect;
  /** FQDNs; a VirtualService may also name wildcards (`*.example.com`). */
  readonly hosts: readonly string[];
  /** Service ports that it holds for; undefined: all. */
  readonly ports: readonly number[] | undefined;
  readonly namespace: string;
  readonly name: string;
  /** Client namespaces that it holds for: `*`, or names. */
  readonly exportTo: readonly string[];
  /**
   * True: a consumer's route (Gateway API route in another namespace than its Service), which
   * replaces the producer's for the clients of its namespace.
   */
  readonly consumer: boolean;
  /** The first match wins; dialects deliver them in their own order of precedence. */
  readonly rules: readonly HttpRule[];
  /** What a request gets that no rule matches. SMI: `service`; Istio and Gateway API: 404. */
  readonly unmatched: "notFound" | "service";
  /** Of its hosts' clusters, where no DestinationPolicy has one; left out: the mesh's default. */
  readonly retryBudget?: RetryBudgetSettings | undefined;
  /** RFC 3339; empty where the YAML has none. Older wins, then namespace/name. */
  readonly creationTimestamp: string;
  readonly origin: Origin;
}

/** One rule: alternatives of matches, one action. */
export interface HttpRule {
  /** As users see it in logs and metrics; may be empty. */
  readonly name: string;
  /** The rule's own name, where `name` has its match's behind it; left out: `name`. */
  readonly section?: string | undefined;
  /** OR; empty matches everything. */
  readonly matches: readonly ScopedMatch[];
  readonly action: SplitAction | RedirectAction | DirectResponseAction;
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
  /** What other sites' pages may use; undefined: nothing is said. */
  readonly cors: CorsPolicy | undefined;
  /** Faults on purpose; left out: none. */
  readonly fault?: HttpFault | undefined;
  /** Clients keep their endpoint; undefined: they do not. */
  readonly session: SessionState | undefined;
  readonly origin: Origin;
}

/** A match on the request, plus what is decided when configuration is made for a client. */
export interface ScopedMatch {
  readonly request: RouteMatch;
  /** The client pod's labels and namespace; undefined: any. */
  readonly sourceLabels: Labels | undefined;
  readonly sourceNamespace: string | undefined;
  /** The port that the client addressed; undefined: any. */
  readonly port: number | undefined;
  readonly origin: Origin;
}

/** Requests go to backends in proportion to their weights. */
export interface SplitAction {
  readonly kind: "split";
  readonly backends: readonly Backend[];
  /** Where copies go; nobody waits for them. */
  readonly mirrors: readonly RuleMirror[];
  /** Undefined: none (Istio's default). 0 disables. */
  readonly timeoutMs: number | undefined;
  /** First byte to last, then without `timeoutMs`; left out: not bounded. 0 disables. */
  readonly streamTimeoutMs?: number | undefined;
  /** Nothing moves; left out: the listener's. 0 disables. */
  readonly idleTimeoutMs?: number | undefined;
  /** Undefined: the dialect's default. */
  readonly retries: RetrySettings | undefined;
  readonly prefixRewrite: string | undefined;
  readonly regexRewrite: RegexRewrite | undefined;
  readonly hostRewrite: string | undefined;
}

/** A copy of each request, or of a share of them, goes to a service. */
export interface RuleMirror extends Pick<Backend, "host" | "port" | "subset" | "origin"> {
  /** Undefined: of every request. */
  readonly fraction: Fraction | undefined;
}

export interface Backend {
  /** FQDN of a service. */
  readonly host: string;
  /** Undefined: the port that the client addressed, or the service's only one. */
  readonly port: number | undefined;
  /** A subset of the host's DestinationPolicy; empty: none. */
  readonly subset: string;
  /** Relative; 0 gets nothing. */
  readonly weight: number;
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
  /** Empty leaves the Host (Gateway API: URLRewrite filter on a backendRef). */
  readonly hostRewrite: string;
  /** Set where the reference cannot be used: its share of requests gets this status. */
  readonly invalidStatus: 500 | 503 | undefined;
  readonly origin: Origin;
}

export interface RetrySettings {
  /** Retries, not attempts; 0 disables. */
  readonly attempts: number;
  readonly perTryTimeoutMs: number | undefined;
  /** Envoy's words; empty: the dialect's default. */
  readonly retryOn: readonly string[];
  readonly statusCodes: readonly number[];
  readonly backOffBaseMs: number | undefined;
  readonly avoidPreviousHosts: boolean;
}

/** Every request goes to these backends, and nothing else happens to it. */
export function splitRule(
  backends: readonly Backend[],
  origin: Origin,
): HttpRule & { readonly action: SplitAction } {
  return {
    name: "",
    matches: [],
    action: {
      kind: "split",
      backends,
      mirrors: [],
      timeoutMs: undefined,
      retries: undefined,
      prefixRewrite: undefined,
      regexRewrite: undefined,
      hostRewrite: undefined,
    },
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    cors: undefined,
    session: undefined,
    origin,
  };
}
