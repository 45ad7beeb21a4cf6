import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { Clock } from "../../base/clock.ts";
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from "../../gen/envoy/service/discovery/v3/discovery_pb.js";
import { SecretDiscoveryService } from "../../gen/envoy/service/secret/v3/sds_pb.js";
import { formatAddress } from "../../model/address.ts";
import { CODECS } from "../../xds/resource.ts";
import { Outbox } from "../../xds/stream/outbox.ts";
import { ClientSubscription, type SubscriptionRequest } from "../../xds/stream/subscription.ts";
import { type CertificateAuthority, tlsTo } from "../issuance/certificate-client.ts";
import { ROOTS_SECRET } from "../workload-secrets.ts";

/** What is shown to the control plane, and who may vouch for it: PEM. */
export interface ShownIdentity {
  readonly chain: string;
  readonly key: string;
  readonly roots: string;
}

/** Why a stream ended. */
export interface StreamEnd {
  /** `not served`: nobody there gives out bundles; `refused`: not to this certificate. */
  readonly kind: "lost" | "not served" | "refused";
  readonly reason: string;
}

export interface BundleEvents {
  /** Throws an Error that says why the answer is not taken: the server is told. */
  readonly onAnswer: (resources: DiscoveryResponse["resources"]) => void;
  /** Once, and never after `close`. */
  readonly onEnd: (end: StreamEnd) => void;
}

export interface BundleStream {
  close(): void;
}

/** Asks for the trust bundle, and hears each that follows. */
export type OpenBundleStream = (shown: ShownIdentity, events: BundleEvents) => BundleStream;

const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const PATIENCE_MS = 10_000;
/** A control plane that is gone without a word is found out. */
const PING_MS = 30_000;
const REASON_CHARS_MAX = 1000;
const UNBELIEVED: readonly Code[] = [Code.Unauthenticated, Code.PermissionDenied];
/** How it looks when the port cuts connections whose certificate it does not accept. */
const CUT = /INADEQUATE_SECURITY|REFUSED_STREAM/;

/** `envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets` over TLS, with a certificate. */
export function bundleStreams(authority: CertificateAuthority, clock: Clock): OpenBundleStream {
  const baseUrl = `https://${formatAddress(authority.address)}`;
  return (shown, events) => {
    const { chain, key, roots } = shown;
    const credential = { kind: "certificate", chain, key } as const;
    const pings = { pingIntervalMs: PING_MS };
    const tls = tlsTo(authority, { credential, roots });
    const sessionManager = new Http2SessionManager(baseUrl, pings, tls);
    const transport = createGrpcTransport({
      ...{ baseUrl, sessionManager },
      readMaxBytes: ANSWER_BYTES_MAX,
    });
    const stream = new Conversation(events);
    const client = createClient(SecretDiscoveryService, transport);
    const patience = clock.after(PATIENCE_MS, () => stream.late());
    const responses = client.streamSecrets(stream.requests, { signal: stream.signal });
    void stream
      .follow(responses, () => patience.cancel())
      .then((end) => {
        patience.cancel();
        sessionManager.abort();
        if (end !== undefined) events.onEnd(end);
      });
    return { close: () => stream.close() };
  };
}

class Conversation {
  readonly #events: BundleEvents;
  readonly #subscription = new ClientSubscription([ROOTS_SECRET]);
  readonly #outbox = new Outbox<DiscoveryRequest>();
  readonly #abort = new AbortController();
  #closed = false;
  #late = false;

  constructor(events: BundleEvents) {
    this.#events = events;
    this.#send(this.#subscription.connect());
  }

  get requests(): AsyncIterable<DiscoveryRequest> {
    return this.#outbox.drain();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  close(): void {
    this.#closed = true;
    this.#abort.abort();
  }

  late(): void {
    this.#late = true;
    this.#abort.abort();
  }

  /** Resolves at the end; undefined where we have closed it. */
  async follow(
    responses: AsyncIterable<DiscoveryResponse>,
    onFirst: () => void,
  ): Promise<StreamEnd | undefined> {
    try {
      for await (const response of responses) {
        onFirst();
        if (!this.#closed) this.#take(response);
      }
      return this.#closed ? undefined : { kind: "lost", reason: "the control plane ended it" };
    } catch (error) {
      return this.#closed ? undefined : this.#endOf(error);
    } finally {
      this.#outbox.end();
    }
  }

  #endOf(error: unknown): StreamEnd {
    const reason = `no answer within ${PATIENCE_MS / 1000} s`;
    return this.#late ? { kind: "lost", reason } : endOf(error);
  }

  #take({ nonce, resources, versionInfo }: DiscoveryResponse): void {
    try {
      this.#events.onAnswer(resources);
      this.#send(this.#subscription.accept(versionInfo, nonce));
    } catch (error) {
      const reason = (error as Error).message.slice(0, REASON_CHARS_MAX);
      this.#send(this.#subscription.reject(nonce, reason));
    }
  }

  #send({ error, resourceNames, responseNonce, versionInfo }: SubscriptionRequest): void {
    this.#outbox.put(
      create(DiscoveryRequestSchema, {
        typeUrl: CODECS.secret.typeUrl,
        ...{ responseNonce, versionInfo },
        resourceNames: [...resourceNames],
        // google.rpc.Status, code INVALID_ARGUMENT.
        ...(error === undefined ? {} : { errorDetail: { code: 3, message: error } }),
      }),
    );
  }
}

function endOf(error: unknown): StreamEnd {
  const { cause, code, rawMessage } = ConnectError.from(error);
  const deep = cause instanceof Error ? cause.message : "";
  const reason = deep === "" || rawMessage.includes(deep) ? rawMessage : deep;
  if (code === Code.Unimplemented) return { kind: "not served", reason };
  const refused = UNBELIEVED.includes(code) || CUT.test(`${rawMessage} ${deep}`);
  return { kind: refused ? "refused" : "lost", reason };
}
