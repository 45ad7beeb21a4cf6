import type { StringMatch } from "../route.ts";
import type { MetadataMatch } from "./rbac.ts";

/** Envoy: BufferSettings: how much of the body the server is shown. */
export interface CheckedBody {
  /** At least 1. */
  readonly maxBytes: number;
  /** A longer body is shown cut; else such a request is refused with 413. */
  readonly allowPartial: boolean;
  /** gRPC: as bytes, where text could not hold them. */
  readonly asBytes: boolean;
}

/** A header that goes with every question. */
export interface AddedHeader {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

/** A server that speaks envoy.service.auth.v3.Authorization. */
export interface GrpcAuthorization {
  readonly kind: "grpc";
  readonly cluster: string;
  /** Empty: the cluster's name. */
  readonly authority: string;
  /** Envoy's default 200 ms; 0 sets none. */
  readonly timeoutMs: number;
  readonly initialMetadata: readonly AddedHeader[];
}

/**
 * A server that answers plain HTTP: the client's own method, path and host are asked for; 200 lets
 * the request pass.
 */
export interface HttpAuthorization {
  readonly kind: "http";
  readonly cluster: string;
  /** `http://host/…`, as configured. */
  readonly uri: string;
  readonly timeoutMs: number;
  /** Stands before the request's path. */
  readonly pathPrefix: string;
  readonly headersToAdd: readonly AddedHeader[];
  /** Of its consent: these replace those of the request. Undefined: none. */
  readonly upstreamHeaders: readonly StringMatch[] | undefined;
  /** Likewise, added to those that are there. */
  readonly upstreamHeadersToAppend: readonly StringMatch[] | undefined;
  /** Of its refusal: what the client is told; undefined: everything. */
  readonly clientHeaders: readonly StringMatch[] | undefined;
  /** Of its consent: what the client is told with the upstream's answer. Undefined: none. */
  readonly clientHeadersOnSuccess: readonly StringMatch[] | undefined;
  /** These become dynamic metadata. Undefined: none. */
  readonly metadataHeaders: readonly StringMatch[] | undefined;
}

/** Envoy: filters.http.ext_authz.v3.ExtAuthz: a server decides about every request. */
export interface ExtAuthz {
  readonly service: GrpcAuthorization | HttpAuthorization;
  /** Stands in the statistics' names; empty for none. */
  readonly statPrefix: string;
  /** Where the server cannot be asked, requests pass. */
  readonly failureModeAllow: boolean;
  /** … and say so in `x-envoy-auth-failure-mode-allowed: true`. */
  readonly failureModeAllowHeader: boolean;
  /** Where it cannot be asked and they do not; Envoy's default 403. */
  readonly statusOnError: number;
  readonly body: CheckedBody | undefined;
  /** Headers that change may change the route: it is looked for again. */
  readonly clearRouteCache: boolean;
  /** Which headers the server is shown; undefined: gRPC all of them, HTTP none but its own. */
  readonly allowedHeaders: readonly StringMatch[] | undefined;
  readonly disallowedHeaders: readonly StringMatch[] | undefined;
  readonly includeTlsSession: boolean;
  /** Only requests of which filters before have said so are asked about. */
  readonly enabledMetadata: MetadataMatch | undefined;
  /** Filters whose dynamic metadata the server is shown. */
  readonly metadataNamespaces: readonly string[];
}

/** Envoy: ExtAuthzPerRoute: what one route has instead. */
export type ExtAuthzOverride =
  | "disabled"
  | {
      /** For the server's eyes. */
      readonly contextExtensions: Readonly<Record<string, string>>;
      /** `inherit`: the filter's; undefined: none is shown. */
      readonly body: CheckedBody | undefined | "inherit";
    };
