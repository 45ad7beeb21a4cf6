import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from "../../gen/envoy/service/discovery/v3/discovery_pb.js";
import { SecretDiscoveryService } from "../../gen/envoy/service/secret/v3/sds_pb.js";
import { type Address, formatAddress } from "../../model/address.ts";
import type { Node } from "../../model/bootstrap.ts";
import type { Cluster } from "../../model/cluster.ts";
import { encodeNode } from "../../xds/message/node.ts";
import { CODECS } from "../../xds/resource.ts";
import { secretOf } from "../../xds/secret-response.ts";
import { Outbox } from "../../xds/stream/outbox.ts";
import { ClientSubscription, type SubscriptionRequest } from "../../xds/stream/subscription.ts";
import { StreamBackOff } from "../ads/stream-back-off.ts";
import type { SecretFeed, SecretTaker } from "./secret-feed.ts";

const PING_MS = 30_000;
/** A certificate with its chain and key, or a bundle: no file of them may be larger either. */
const RESPONSE_BYTES_MAX = 4 * 1024 * 1024;
const REJECTION_CHARS_MAX = 8192;
const INVALID_ARGUMENT = 3;

export interface SdsFeedOptions {
  readonly node: Node;
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * One secret over a stream of its own, as Envoy asks for it (SecretDiscoveryService.StreamSecrets):
 * gRPC on HTTP/2 to an endpoint of a static cluster, each in its turn. Asks again for ever.
 */
export class SdsFeed implements SecretFeed {
  readonly #options: SdsFeedOptions;
  readonly #taker: SecretTaker;
  readonly #name: string;
  readonly #subscription: ClientSubscription;
  #outbox = new Outbox<DiscoveryRequest>();
  #abort = new AbortController();
  #retry: Timer | undefined;
  readonly #backOff: StreamBackOff;
  #attempts = 0;
  #nodeSent = false;
  #stopped = false;

  constructor(name: string, taker: SecretTaker, options: SdsFeedOptions) {
    this.#options = options;
    this.#backOff = new StreamBackOff(options.random);
    this.#taker = taker;
    this.#name = name;
    this.#subscription = new ClientSubscription([name]);
  }

  start(): void {
    void this.#connect();
  }

  reload(): void {
    // The server says by itself what is new.
  }

  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#outbox.end();
    this.#abort.abort();
  }

  async #connect(): Promise<void> {
    const { cluster } = this.#options;
    const address = this.#nextAddress();
    this.#outbox = new Outbox();
    this.#abort = new AbortController();
    this.#nodeSent = false;
    try {
      if (address === undefined) throw new Error(`cluster ${cluster.name} has no address`);
      this.#taker.onAttempt();
      this.#send(this.#subscription.connect());
      const client = createClient(SecretDiscoveryService, transportTo(address));
      const { signal } = this.#abort;
      const responses = client.streamSecrets(this.#outbox.drain(), { signal });
      for await (const response of responses) this.#take(response);
      this.#lost("the stream was ended");
    } catch (error) {
      this.#lost(error instanceof Error ? error.message : String(error));
    }
  }

  #nextAddress(): Address | undefined {
    const localities = this.#options.cluster.loadAssignment?.localities ?? [];
    const endpoints = localities.flatMap((locality) => locality.endpoints);
    return endpoints[this.#attempts++ % Math.max(1, endpoints.length)]?.address;
  }

  #lost(reason: string): void {
    this.#outbox.end();
    if (this.#stopped) return;
    this.#taker.onFailure(reason);
    this.#retry = this.#options.clock.after(this.#backOff.next(), () => void this.#connect());
  }

  #take({ nonce, resources, versionInfo }: DiscoveryResponse): void {
    if (this.#stopped) return;
    this.#backOff.reset();
    const reason = this.#refusalOf(resources, versionInfo);
    const answer =
      reason === ""
        ? this.#subscription.accept(versionInfo, nonce)
        : this.#subscription.reject(nonce, reason.slice(0, REJECTION_CHARS_MAX));
    this.#taker.onAttempt();
    this.#send(answer);
  }

  /** Empty where the secret is used now. */
  #refusalOf(resources: DiscoveryResponse["resources"], version: string): string {
    try {
      return this.#taker.onSecret(secretOf(resources, this.#name), version);
    } catch (error) {
      const reason = (error as Error).message;
      this.#taker.onRejected(reason);
      return reason;
    }
  }

  #send({ error, resourceNames, responseNonce, versionInfo }: SubscriptionRequest): void {
    const message = create(DiscoveryRequestSchema, {
      typeUrl: CODECS.secret.typeUrl,
      resourceNames: [...resourceNames],
      ...{ responseNonce, versionInfo },
      ...(error === undefined ? {} : { errorDetail: { code: INVALID_ARGUMENT, message: error } }),
    });
    if (!this.#nodeSent) message.node = encodeNode(this.#options.node);
    this.#nodeSent = true;
    this.#outbox.put(message);
  }
}

function transportTo(address: Address): ReturnType<typeof createGrpcTransport> {
  const isPipe = address.kind === "pipe";
  return createGrpcTransport({
    baseUrl: `http://${isPipe ? "localhost" : formatAddress(address)}`,
    // http2.connect hands its options on to net.connect, where a path wins over host and port.
    ...(isPipe ? { nodeOptions: { path: address.path } as object } : {}),
    pingIntervalMs: PING_MS,
    pingIdleConnection: true,
    readMaxBytes: RESPONSE_BYTES_MAX,
  });
}
