import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import type { Clock } from "../../base/clock.ts";
import { AggregatedDiscoveryService } from "../../gen/envoy/service/discovery/v3/ads_pb.js";
import {
  type DiscoveryRequest,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../../gen/envoy/service/discovery/v3/discovery_pb.js";
import type { Node } from "../../model/bootstrap.ts";
import { decodeNode } from "../../xds/message/node.ts";
import { RESOURCE_TYPES, type ResourceType } from "../../xds/order.ts";
import { CODECS } from "../../xds/resource.ts";
import { Outbox } from "../../xds/stream/outbox.ts";
import { type AdsPush, AdsStream, type AdsTypeStatus } from "./ads-stream.ts";
import { ResourceCache } from "./resource-cache.ts";
import type { Snapshot, SnapshotSource } from "./snapshot-source.ts";

export interface AdsServiceOptions {
  readonly source: SnapshotSource;
  readonly clock: Clock;
  readonly observer?: AdsObserver;
}

/** Who wants to count what goes over the streams. */
export interface AdsObserver {
  /** One response was sent. */
  pushed(type: ResourceType): void;
  /** One response was refused. */
  rejected(type: ResourceType): void;
  /** This proxy has acknowledged everything there is for it. */
  synced(node: Node): void;
}

/** One connected proxy. */
export interface AdsClientStatus {
  readonly node: Node;
  /** Milliseconds since 1970, when its stream opened. */
  readonly connectedAt: number;
  /** The version of the newest snapshot made for it; empty before the first. */
  readonly wanted: string;
  /** True where everything sent to it was acknowledged. */
  readonly synced: boolean;
  /** One row a type that it asked for. */
  readonly types: readonly AdsTypeStatus[];
}

/** What a client may cost us. */
const STREAMS_MAX = 4096;
const NAMES_MAX = 100_000;
/** Of a refusal so much is kept, for each proxy and type: status pages show it. */
const REJECTION_CHARS_MAX = 8192;

/** Decides who may have a stream, and what is told on it. */
export interface StreamGuard {
  /** Before anything is read. Throws a ConnectError for whoever may not have one. */
  admit(context: HandlerContext, end: (error: ConnectError) => void): StreamWarden;
}

/** Watches over one stream; calls `end` of its own when its time is over. */
export interface StreamWarden {
  /** The proxy has shown who it is: it may be told secrets that are its own. */
  readonly known: boolean;
  /** One request more; throws a ConnectError where these are too many. */
  request(): void;
  /** Before anything is told to this node. Throws a ConnectError where it is somebody else's. */
  check(node: Node): void;
  /** The stream is over. */
  leave(): void;
}

/** Streams that may be served on several ports. */
export interface StreamService {
  register(router: ConnectRouter, guard?: StreamGuard): void;
  /** Ends every stream. */
  end(): void;
}

/** Whoever reaches a port of this machine alone is believed. */
export const TRUSTING: StreamGuard = {
  admit: () => ({ known: false, request: () => {}, check: () => {}, leave: () => {} }),
};

interface OpenStream {
  readonly stream: AdsStream;
  readonly warden: StreamWarden;
  readonly outbox: Outbox<DiscoveryResponse>;
  readonly connectedAt: number;
}

/** Serves snapshots over ADS, state of the world, on whatever ports it is registered. */
export class AdsService implements StreamService {
  readonly #source: SnapshotSource;
  readonly #clock: Clock;
  readonly #observer: AdsObserver | undefined;
  readonly #cache = new ResourceCache();
  readonly #open = new Set<OpenStream>();
  readonly #stopFollowing: () => void;

  constructor({ source, clock, observer }: AdsServiceOptions) {
    this.#source = source;
    this.#clock = clock;
    this.#observer = observer;
    this.#stopFollowing = source.onChange(() => this.#pushAll());
  }

  register(router: ConnectRouter, guard: StreamGuard = TRUSTING): void {
    router.service(AggregatedDiscoveryService, {
      streamAggregatedResources: (requests, context) => this.#serve(requests, context, guard),
    });
  }

  status(): AdsClientStatus[] {
    return [...this.#open].map(({ stream, connectedAt }) => ({
      node: stream.node,
      connectedAt,
      wanted: stream.wanted,
      synced: stream.synced,
      types: stream.status(),
    }));
  }

  /** Ends every stream; snapshots are followed no more. */
  end(): void {
    this.#stopFollowing();
    for (const { outbox } of this.#open) outbox.end();
  }

  /** Brings every proxy up to its newest snapshot, or as far as it may go now. */
  #pushAll(): void {
    for (const open of this.#open) {
      try {
        open.warden.check(open.stream.node);
        this.#push(open);
      } catch (error) {
        this.#open.delete(open);
        open.outbox.fail(ConnectError.from(error));
      }
    }
  }

  async *#serve(
    requests: AsyncIterable<DiscoveryRequest>,
    context: HandlerContext,
    guard: StreamGuard,
  ): AsyncGenerator<DiscoveryResponse> {
    if (this.#open.size >= STREAMS_MAX) {
      throw new ConnectError(`more than ${STREAMS_MAX} streams`, Code.ResourceExhausted);
    }
    const outbox = new Outbox<DiscoveryResponse>();
    const warden = guard.admit(context, (error) => outbox.fail(error));
    context.signal.addEventListener("abort", () => outbox.end());
    void this.#receive(requests, outbox, warden);
    yield* outbox.drain();
  }

  /** Reads until the proxy hangs up or says something that is not allowed. */
  async #receive(
    requests: AsyncIterable<DiscoveryRequest>,
    outbox: Outbox<DiscoveryResponse>,
    warden: StreamWarden,
  ): Promise<void> {
    let open: OpenStream | undefined;
    try {
      for await (const request of requests) {
        warden.request();
        open ??= this.#openStream(request, outbox, warden);
        this.#take(open, request);
      }
      outbox.end();
    } catch (error) {
      outbox.fail(ConnectError.from(error));
    } finally {
      warden.leave();
      if (open !== undefined) this.#open.delete(open);
    }
  }

  #openStream(
    request: DiscoveryRequest,
    outbox: Outbox<DiscoveryResponse>,
    warden: StreamWarden,
  ): OpenStream {
    if (request.node === undefined) {
      throw new ConnectError("the first request names no node", Code.InvalidArgument);
    }
    const node = decodeNode(request.node);
    warden.check(node);
    const stream = new AdsStream(node, this.#cache);
    const open = { stream, warden, outbox, connectedAt: this.#clock.wall() };
    this.#open.add(open);
    return open;
  }

  #take(open: OpenStream, request: DiscoveryRequest): void {
    if (request.resourceNames.length > NAMES_MAX) {
      throw new ConnectError(`more than ${NAMES_MAX} resource names`, Code.ResourceExhausted);
    }
    const type = typeOf(request.typeUrl);
    // Runtime layers and the like: there are none, and the proxy goes on without.
    if (type === undefined) return;
    open.stream.receive(type, {
      versionInfo: request.versionInfo,
      responseNonce: request.responseNonce,
      resourceNames: request.resourceNames,
      error: request.errorDetail?.message.slice(0, REJECTION_CHARS_MAX),
    });
    if (request.errorDetail !== undefined) this.#observer?.rejected(type);
    this.#push(open);
    if (open.stream.synced) this.#observer?.synced(open.stream.node);
  }

  #push({ stream, outbox, warden }: OpenStream): void {
    const snapshot = this.#source.snapshotFor(stream.node);
    if (snapshot !== undefined) stream.update(warden.known ? snapshot : withoutSecrets(snapshot));
    for (const push of stream.pump()) {
      outbox.put(responseOf(push));
      this.#observer?.pushed(push.type);
    }
  }
}

function withoutSecrets(snapshot: Snapshot): Snapshot {
  return (snapshot.secrets ?? []).length === 0 ? snapshot : { ...snapshot, secrets: [] };
}

function typeOf(typeUrl: string): ResourceType | undefined {
  return RESOURCE_TYPES.find((type) => CODECS[type].typeUrl === typeUrl);
}

function responseOf(push: AdsPush): DiscoveryResponse {
  return create(DiscoveryResponseSchema, {
    versionInfo: push.version,
    typeUrl: CODECS[push.type].typeUrl,
    nonce: push.nonce,
    resources: [...push.resources],
  });
}
