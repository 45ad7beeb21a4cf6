import type { MetadataFields } from "../../proxy/filters/dynamic-metadata.ts";

/** Who asks: a workload of the mesh, or (undefined) somebody outside, who has no identity. */
export interface Caller {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** What is asked: may this caller do that there? */
export interface Question {
  readonly caller: Caller | undefined;
  /** `reviews`, `reviews.shop`, `reviews.shop.svc.cluster.local`. */
  readonly service: string;
  /** Of the service; undefined: each of its ports. */
  readonly port: number | undefined;
  /** Undefined: a TCP connection. */
  readonly request: AskedRequest | undefined;
  /** The caller's address; undefined: one that no policy names. */
  readonly sourceIp: string | undefined;
  /** Of the client behind proxies; undefined: the caller's. */
  readonly remoteIp: string | undefined;
  /** What the client calls the server in its TLS handshake; undefined: nothing. */
  readonly serverName: string | undefined;
}

export interface AskedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Of a checked token; undefined: there is none. */
  readonly claims: MetadataFields | undefined;
}
