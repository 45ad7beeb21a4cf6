import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { Clock } from "../../../base/clock.ts";
import {
  formatWorkloadIdentity,
  type WorkloadIdentity,
} from "../../../identity/workload-identity.ts";
import type { Node } from "../../../model/bootstrap.ts";
import { CONNECTION, type Connection, type VerifiedPeer } from "../../ca/callers/verified-peer.ts";
import type { AuditLog } from "../../ca/issuance/audit-log.ts";
import { KeyedBuckets, type Rate, TokenBucket } from "../../ca/issuance/token-bucket.ts";
import { identityOf } from "../../snapshot/proxy-identity.ts";
import type { StreamGuard, StreamWarden } from "../guarded-streams.ts";

export interface StreamGuardOptions {
  readonly clock: Clock;
  readonly audit: AuditLog;
  /** Whose pod that is; undefined where there is no such pod. */
  readonly ownerOf: (namespace: string, pod: string) => WorkloadIdentity | undefined;
  /** Requests of one stream; a proxy acknowledges each response with one. */
  readonly requests?: Rate;
  /** Streams of one identity, which may have many pods. */
  readonly streams?: Rate;
}

const REQUESTS: Rate = { burst: 2000, perSecond: 100 };
const STREAMS: Rate = { burst: 500, perSecond: 50 };

/**
 * Streams for whoever shows a certificate of this mesh, and of what is for its own pods alone: the
 * pod that a node names must have the certificate's namespace and service account, and one that
 * nobody knows gets what its namespace gets.
 */
export class PeerStreams implements StreamGuard {
  readonly #options: StreamGuardOptions;
  readonly #streams: KeyedBuckets;

  constructor(options: StreamGuardOptions) {
    this.#options = options;
    this.#streams = new KeyedBuckets(options.streams ?? STREAMS, options.clock);
  }

  admit(context: HandlerContext, end: (error: ConnectError) => void): StreamWarden {
    const connection = context.values.get(CONNECTION);
    const address = connection?.address ?? "";
    if (connection?.peer === undefined) {
      const message = "a certificate of this mesh is needed for configuration";
      throw this.#refused("no_credentials", message, { peer: address });
    }
    const { id } = connection.peer;
    if (!this.#streams.take(id)) {
      const error = this.#refused("rate_limited", "too many streams", {
        peer: address,
        identity: id,
      });
      throw error;
    }
    return this.#warden({ address, peer: connection.peer }, end);
  }

  #warden(
    { address, peer }: Connection & { readonly peer: VerifiedPeer },
    end: (error: ConnectError) => void,
  ): StreamWarden {
    const { clock, requests = REQUESTS } = this.#options;
    const bucket = new TokenBucket(requests, clock);
    const about = { peer: address, identity: peer.id };
    const expiry = clock.after(Math.max(0, peer.notAfter - clock.wall()), () => {
      end(new ConnectError("the certificate has expired: connect anew", Code.Unauthenticated));
    });
    return {
      known: true,
      request: () => {
        if (bucket.take()) return;
        throw this.#refused("rate_limited", "too many requests on one stream", about);
      },
      check: (node) => {
        const fault = this.#faultOf(node, peer.identity);
        if (fault === undefined) return;
        throw this.#refused("not_allowed", fault, { ...about, node: node.id });
      },
      leave: () => expiry.cancel(),
    };
  }

  /** What the node says of itself has to fit the peer, in its metadata and in its id. */
  #faultOf(node: Node, peer: WorkloadIdentity): string | undefined {
    const claims = [identityOf(node)];
    if (node.id.split("~").length === 4) claims.push(identityOf({ ...node, metadata: {} }));
    for (const { namespace, pod } of claims) {
      if (namespace !== peer.namespace) {
        return `${formatWorkloadIdentity(peer)} may not have what namespace ${namespace} gets`;
      }
      const owner = this.#options.ownerOf(namespace, pod);
      if (owner !== undefined && owner.serviceAccount !== peer.serviceAccount) {
        return `${formatWorkloadIdentity(peer)} may not have what pod ${namespace}/${pod} gets`;
      }
    }
    return undefined;
  }

  #refused(
    reason: "no_credentials" | "not_allowed" | "rate_limited",
    message: string,
    about: { readonly peer: string; readonly identity?: string; readonly node?: string },
  ): ConnectError {
    this.#options.audit.write({ event: "stream_refused", reason, message, ...about });
    return new ConnectError(message, CODES[reason]);
  }
}

const CODES = {
  no_credentials: Code.Unauthenticated,
  not_allowed: Code.PermissionDenied,
  rate_limited: Code.ResourceExhausted,
} as const;
