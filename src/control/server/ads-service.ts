import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
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
import { type AdsPush, AdsStream, type AdsTypeStatus } from "./ads-stream.ts";
import {
  type GuardedStream,
  GuardedStreams,
  type StreamGuard,
  type StreamService,
  TRUSTING,
} from "./guarded-streams.ts";
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

interface OpenStream extends GuardedStream<DiscoveryResponse> {
  readonly stream: AdsStream;
  readonly connectedAt: number;
}

/** Serves snapshots over ADS, state of the world, on whatever ports it is registered. */
export class AdsService implements StreamService {
  readonly #source: SnapshotSource;
  readonly #clock: Clock;
  readonly #observer: AdsObserver | undefined;
  readonly #cache = new ResourceCache();
  readonly #streams: GuardedStreams<DiscoveryRequest, DiscoveryResponse, OpenStream>;
  readonly #stopFollowing: () => void;

  constructor({ source, clock, observer }: AdsServiceOptions) {
    this.#source = source;
    this.#clock = clock;
    this.#observer = observer;
    this.#streams = new GuardedStreams({
      streamsMax: STREAMS_MAX,
      begin: (first, parts) => this.#begin(first, parts),
      take: (open, request) => this.#take(open, request),
    });
    this.#stopFollowing = source.onChange(() => this.#pushAll());
  }

  register(router: ConnectRouter, guard: StreamGuard = TRUSTING): void {
    router.service(AggregatedDiscoveryService, {
      streamAggregatedResources: (requests, context) =>
        this.#streams.serve(requests, context, guard),
    });
  }

  status(): AdsClientStatus[] {
    return [...this.#streams.open].map(({ stream, connectedAt }) => ({
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
    this.#streams.end();
  }

  /** Brings every proxy up to its newest snapshot, or as far as it may go now. */
  #pushAll(): void {
    for (const open of this.#streams.open) {
      try {
        open.warden.check(open.stream.node);
        this.#push(open);
      } catch (error) {
        this.#streams.open.delete(open);
        open.outbox.fail(ConnectError.from(error));
      }
    }
  }

  #begin(first: DiscoveryRequest, parts: GuardedStream<DiscoveryResponse>): OpenStream {
    if (first.node === undefined) {
      throw new ConnectError("the first request names no node", Code.InvalidArgument);
    }
    const node = decodeNode(first.node);
    parts.warden.check(node);
    const stream = new AdsStream(node, this.#cache);
    return { ...parts, stream, connectedAt: this.#clock.wall() };
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
