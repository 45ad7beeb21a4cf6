import type { HeaderMutations, StringMatch } from "../route.ts";

/** When a host is checked, and what counts (Envoy: config.core.v3.HealthCheck). */
export interface HealthCheckRhythm {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  /** The first check waits a random time below this; 0: none. */
  readonly initialJitterMs: number;
  /** Added to every interval: a random time below this, and below this share of the interval. */
  readonly intervalJitterMs: number;
  readonly intervalJitterPercent: number;
  /** Intervals while the cluster has had no connection; Envoy's default 60000. */
  readonly noTrafficIntervalMs: number;
  /** Undefined: `noTrafficIntervalMs`. */
  readonly noTrafficHealthyIntervalMs: number | undefined;
  /** After a failed check; undefined: `intervalMs`. */
  readonly unhealthyIntervalMs: number | undefined;
  /** After a failure that did not take the host out yet; undefined: the unhealthy one. */
  readonly unhealthyEdgeIntervalMs: number | undefined;
  /** After a success that did not take it back yet; undefined: `intervalMs`. */
  readonly healthyEdgeIntervalMs: number | undefined;
  /** Failures in a row that take an endpoint out. */
  readonly unhealthyThreshold: number;
  /** Successes in a row that take it back; the very first check counts alone. */
  readonly healthyThreshold: number;
  /** The connection is kept for the next check; Envoy's default true. */
  readonly reuseConnection: boolean;
}

/** `grpc.health.v1.Health/Check`; the cluster has to speak HTTP/2. */
export interface GrpcHealthCheck extends HealthCheckRhythm {
  readonly kind: "grpc";
  /** Empty: the server as a whole. */
  readonly serviceName: string;
  /** Empty: the cluster's name. */
  readonly authority: string;
}

/** Statuses from `start` to below `end` (Envoy: type.v3.Int64Range). */
export interface StatusRange {
  readonly start: number;
  readonly end: number;
}

export interface HttpHealthCheck extends HealthCheckRhythm {
  readonly kind: "http";
  readonly codec: "http1" | "http2";
  /** Empty: the cluster's name. */
  readonly host: string;
  readonly path: string;
  readonly method: string;
  /** Values without format operators. */
  readonly requestHeaders: HeaderMutations;
  /** Empty: 200. */
  readonly expectedStatuses: readonly StatusRange[];
  /** These count towards the unhealthy threshold; others that are not expected decide at once. */
  readonly retriableStatuses: readonly StatusRange[];
  /** Hex; each has to stand in the body, one behind the other. */
  readonly receive: readonly string[];
  /** How much of the body is looked at; 0: all of it. Envoy's default 1024. */
  readonly responseBufferBytes: number;
  /** `x-envoy-upstream-healthchecked-cluster` has to match; undefined: is not asked. */
  readonly serviceName: StringMatch | undefined;
}

export interface TcpHealthCheck extends HealthCheckRhythm {
  readonly kind: "tcp";
  /** Hex; empty: nothing is sent. */
  readonly send: string;
  /** Hex; each has to come, one behind the other. Empty: a connection is enough. */
  readonly receive: readonly string[];
}

export type HealthCheck = GrpcHealthCheck | HttpHealthCheck | TcpHealthCheck;
