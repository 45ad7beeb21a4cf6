import type { HashPolicy } from "./balance/hash-policy.ts";
import type { FilterConfigs } from "./filter/filter-configs.ts";
import type { Fraction } from "./filter/fraction.ts";
import type { Origin } from "./origin.ts";
import type { CircuitBreaker } from "./resilience/circuit-breaker.ts";

/** Envoy: config.core.v3.HeaderValueOption.HeaderAppendAction. */
export type HeaderAction = "append" | "addIfAbsent" | "overwrite" | "overwriteIfExists";

export interface HeaderMutation {
  /** Lower case. */
  readonly name: string;
  /** May hold Envoy's `%FORMATTERS%`. */
  readonly value: string;
  readonly action: HeaderAction;
}

/** Added and removed at route config, virtual host, route and weighted cluster level. */
export interface HeaderMutations {
  readonly set: readonly HeaderMutation[];
  /** Lower case names. */
  readonly remove: readonly string[];
}

export const NO_MUTATIONS: HeaderMutations = { set: [], remove: [] };

/** Envoy: type.matcher.v3.StringMatcher. A regex is RE2 syntax and must match the whole. */
export interface StringMatch {
  readonly kind: "exact" | "prefix" | "suffix" | "contains" | "regex";
  readonly value: string;
  readonly ignoreCase: boolean;
}

export interface HeaderMatch {
  /** Lower case; `:method`, `:authority`, `:scheme`, `:path` name the pseudo headers. */
  readonly name: string;
  /** Undefined asks for presence alone. */
  readonly value: StringMatch | undefined;
  readonly invert: boolean;
  /** Envoy's `treat_missing_header_as_empty`. */
  readonly missingAsEmpty: boolean;
}

export interface QueryParameterMatch {
  readonly name: string;
  /** Undefined asks for presence alone. */
  readonly value: StringMatch | undefined;
}

/** `separatedPrefix` is Envoy's `path_separated_prefix`; `connect` its `connect_matcher`. */
export interface PathMatch {
  readonly kind: "prefix" | "exact" | "regex" | "separatedPrefix" | "connect";
  readonly value: string;
  readonly caseSensitive: boolean;
}

/** Envoy: route.v3.RouteMatch. Everything in it must hold. */
export interface RouteMatch {
  readonly path: PathMatch;
  readonly headers: readonly HeaderMatch[];
  readonly queryParameters: readonly QueryParameterMatch[];
}

/** Envoy: route.v3.RetryPolicy. */
export interface RetryPolicy {
  /** Envoy's words: `connect-failure`, `refused-stream`, `5xx`, `reset`, … */
  readonly retryOn: readonly string[];
  readonly retriableStatusCodes: readonly number[];
  readonly retriableHeaders: readonly HeaderMatch[];
  /** Retries, not attempts: 1 means at most two requests. */
  readonly numRetries: number;
  /** 0: no timeout of its own, the route's bounds it. */
  readonly perTryTimeoutMs: number;
  /** Envoy's default 25. */
  readonly backOffBaseMs: number;
  /** Envoy's default 10 times the base. */
  readonly backOffMaxMs: number;
  /** `envoy.retry_host_predicates.previous_hosts`. */
  readonly avoidPreviousHosts: boolean;
  /** `host_selection_retry_max_attempts`; Envoy's default 1. */
  readonly hostSelectionAttempts: number;
  /** Only requests that match one of them are retried; left out or empty: all. */
  readonly retriableRequestHeaders?: readonly HeaderMatch[];
  /** `per_try_idle_timeout`; left out or 0: none. */
  readonly perTryIdleTimeoutMs?: number;
  /** `rate_limited_retry_back_off`: the answer says when to come again; left out: it does not. */
  readonly rateLimitedBackOff?: RateLimitedBackOff;
}

/** Envoy: RetryPolicy.RateLimitedRetryBackOff. */
export interface RateLimitedBackOff {
  readonly resetHeaders: readonly {
    /** Lower case. */
    readonly name: string;
    readonly format: "seconds" | "unixTimestamp";
  }[];
  /** Longer waits are not waited for; Envoy's default 300000. */
  readonly maxIntervalMs: number;
}

/** Envoy: route.v3.HedgePolicy. */
export interface HedgePolicy {
  /** A try whose time is over is not ended, but joined by another; the first answer counts. */
  readonly hedgeOnPerTryTimeout: boolean;
}

export interface WeightedCluster {
  readonly cluster: string;
  /** Relative to the sum. */
  readonly weight: number;
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
  /** Empty leaves the Host as it is. */
  readonly hostRewrite: string;
}

export interface RegexRewrite {
  /** RE2. */
  readonly pattern: string;
  /** `\1` stands for a group. */
  readonly substitution: string;
}

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

/** Envoy: `host_rewrite_header`, and `host_rewrite_path_regex` of the path without query. */
export type HostRewriteSource =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "path"; readonly regex: RegexRewrite };

/** Envoy: route.v3.RouteAction, one cluster being a split of one. */
export interface ForwardAction {
  readonly kind: "forward";
  readonly clusters: readonly WeightedCluster[];
  /** 0 disables. Envoy's default 15000; Istio emits 0. */
  readonly timeoutMs: number;
  /** Undefined: the listener's. 0 disables. */
  readonly idleTimeoutMs: number | undefined;
  readonly retryPolicy: RetryPolicy | undefined;
  /** Left out: the virtual host's, else none. */
  readonly hedgePolicy?: HedgePolicy | undefined;
  /** What RING_HASH and MAGLEV choose by; none: by chance. */
  readonly hashPolicies: readonly HashPolicy[];
  /** Copies to other clusters; of the virtual host or the route configuration where empty. */
  readonly mirrors: readonly MirrorPolicy[];
  /** Envoy's `prefix_rewrite`; undefined leaves the path. */
  readonly prefixRewrite: string | undefined;
  readonly regexRewrite: RegexRewrite | undefined;
  /** Undefined leaves the Host as it is. */
  readonly hostRewrite: string | undefined;
  /** The request says itself what its Host shall be; not beside `hostRewrite`. */
  readonly hostRewriteFrom: HostRewriteSource | undefined;
  /** Envoy's `auto_host_rewrite`: Host is the endpoint's hostname, where it has one. */
  readonly autoHostRewrite: boolean;
  /** Envoy's `append_x_forwarded_host`. */
  readonly appendForwardedHost: boolean;
  /**
   * Longest time from first byte to last (`max_stream_duration`); 0: none, whatever the listener
   * says; `inherited`: the listener's, as with `{}`. Where it is set at all, there is no timeout
   * beside it. Undefined: the listener's, and the timeout.
   */
  readonly maxStreamDurationMs: number | "inherited" | undefined;
  /**
   * `max_stream_duration.grpc_timeout_header_max`: a `grpc-timeout` is the longest duration of its
   * stream, itself bounded by this (0: by nothing). Undefined: the header does not count there.
   */
  readonly grpcTimeoutHeaderMaxMs: number | undefined;
  /**
   * `max_grpc_timeout`, as Istio writes it: a gRPC call's `grpc-timeout` is its timeout instead of
   * `timeoutMs`, itself bounded by this (0: by nothing). Undefined: the header does not count.
   */
  readonly grpcTimeoutMaxMs: number | undefined;
  /** CONNECT ends here: what the tunnel carries goes to the cluster as TCP (`connect_config`). */
  readonly terminatesConnect: boolean;
  /** Answer when a named cluster does not exist; Envoy's default 503. */
  readonly clusterNotFoundStatus: 404 | 500 | 503;
}

/** Envoy: route.v3.RedirectAction. */
export interface RedirectAction {
  readonly kind: "redirect";
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly scheme: string | undefined;
  /** Envoy's `path_redirect`: may carry a query. */
  readonly path: string | undefined;
  readonly prefixRewrite: string | undefined;
  readonly regexRewrite: RegexRewrite | undefined;
  readonly status: 301 | 302 | 303 | 307 | 308;
  readonly stripQuery: boolean;
}

/** Envoy: route.v3.DirectResponseAction. */
export interface DirectResponseAction {
  readonly kind: "directResponse";
  readonly status: number;
  readonly body: string;
}

export type RouteAction = ForwardAction | RedirectAction | DirectResponseAction;

/** Envoy: route.v3.Route. */
export interface Route {
  readonly name: string;
  readonly match: RouteMatch;
  readonly action: RouteAction;
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
  readonly filterConfigs: FilterConfigs;
  /** Of the requests that take this route; our own proxies alone. Left out: none. */
  readonly circuit?: CircuitBreaker | undefined;
  /** Travels as filter metadata `outrigger.origin`. */
  readonly origin: Origin | undefined;
}

/** Envoy: route.v3.VirtualHost. */
export interface VirtualHost {
  readonly name: string;
  /** `reviews`, `*.example.com`, `foo.*` or `*`. */
  readonly domains: readonly string[];
  /** The first match wins. */
  readonly routes: readonly Route[];
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
  readonly retryPolicy: RetryPolicy | undefined;
  /** Left out: none. */
  readonly hedgePolicy?: HedgePolicy | undefined;
  /** Sends `x-envoy-attempt-count` upstream / downstream. */
  readonly includeRequestAttemptCount: boolean;
  readonly includeAttemptCountInResponse: boolean;
  readonly filterConfigs: FilterConfigs;
}

/** Envoy: route.v3.RouteConfiguration. */
export interface RouteConfiguration {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHost[];
  readonly ignorePortInHostMatching: boolean;
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
  /** Envoy's `max_direct_response_body_size_bytes`, default 4096. */
  readonly maxDirectResponseBodyBytes: number;
  readonly filterConfigs: FilterConfigs;
}
