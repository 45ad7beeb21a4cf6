import type { CheckedBody } from "../filter/ext-authz.ts";
import type { StringMatch } from "../route.ts";

/**
 * Istio: MeshConfig.extensionProviders, `envoyExtAuthzHttp` and `envoyExtAuthzGrpc`: a server that
 * AuthorizationPolicies of action CUSTOM ask.
 */
export interface AuthorizationProvider {
  readonly name: string;
  readonly protocol: "http" | "grpc";
  /** Host of a service in the mesh, without its namespace. */
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  /** Requests pass where the server cannot be asked. */
  readonly failOpen: boolean;
  readonly clearRouteCache: boolean;
  /** Where it cannot be asked and they do not. */
  readonly statusOnError: number;
  readonly body: CheckedBody | undefined;
  /** HTTP: stands before the request's path. */
  readonly pathPrefix: string;
  /** HTTP: shown beside method, path, Host and Authorization. */
  readonly headersInCheck: readonly StringMatch[];
  readonly additionalHeaders: Readonly<Record<string, string>>;
  readonly toUpstreamOnAllow: readonly StringMatch[];
  readonly toDownstreamOnDeny: readonly StringMatch[];
  readonly toDownstreamOnAllow: readonly StringMatch[];
}
