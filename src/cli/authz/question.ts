import { parseIp } from "../../base/ip-address.ts";
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

/** The client's address by what proxies in front say; undefined: nothing usable. */
export function forwardedIp({ headers }: AskedRequest): string | undefined {
  const said = headers.filter(([name]) => name.toLowerCase() === "x-forwarded-for");
  const last = said.at(-1)?.[1].split(",").at(-1)?.trim() ?? "";
  return parseIp(last) === undefined ? undefined : last;
}
