import { type ContextKey, createContextKey } from "@connectrpc/connect";
import type { WorkloadIdentity } from "../../../identity/workload-identity.ts";

/** Who is at the other end of a TLS connection, by a certificate that this mesh signed. */
export interface VerifiedPeer {
  readonly identity: WorkloadIdentity;
  /** The whole SPIFFE ID. */
  readonly id: string;
  /** Lower case hexadecimal, without leading zeros. */
  readonly serial: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** The connection that a request came on. */
export interface Connection {
  /** `10.0.0.7:51234`, for logs. */
  readonly address: string;
  /** Undefined where no certificate was shown. */
  readonly peer: VerifiedPeer | undefined;
}

/** Under this a request's handler finds its connection; undefined on a port without TLS. */
export const CONNECTION: ContextKey<Connection | undefined> = createContextKey<
  Connection | undefined
>(undefined, { description: "connection" });
