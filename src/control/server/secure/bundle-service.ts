import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import {
  type DiscoveryRequest,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../../../gen/envoy/service/discovery/v3/discovery_pb.js";
import { SecretDiscoveryService } from "../../../gen/envoy/service/secret/v3/sds_pb.js";
import type { Secret } from "../../../model/transport/secret.ts";
import { CODECS } from "../../../xds/resource.ts";
import { ServerSubscription } from "../../../xds/stream/subscription.ts";
import { type GuardedStream, GuardedStreams, type StreamGuard } from "../guarded-streams.ts";

export interface BundleServiceOptions {
  /** The trust bundle as it is now. */
  readonly current: () => Secret;
  /** Who may have a stream: whoever shows a certificate of this mesh. */
  readonly guard: StreamGuard;
}

/** What callers may cost us. */
const STREAMS_MAX = 8192;
const NAMES_MAX = 100;
const VERSION_CHARS = 16;

interface EncodedBundle {
  readonly name: string;
  readonly version: string;
  readonly any: Any;
}

interface OpenStream extends GuardedStream<DiscoveryResponse> {
  readonly subscription: ServerSubscription;
}

/**
 * Gives agents the trust bundle, and again when it changes: SDS (envoy.service.secret.v3), state of
 * the world. It is the same for everybody; no other secret is told here, whoever asks.
 */
export class BundleService {
  readonly #options: BundleServiceOptions;
  readonly #streams: GuardedStreams<DiscoveryRequest, DiscoveryResponse, OpenStream>;
  #encoded: EncodedBundle | undefined;

  constructor(options: BundleServiceOptions) {
    this.#options = options;
    this.#streams = new GuardedStreams({
      streamsMax: STREAMS_MAX,
      begin: (_, parts) => ({ ...parts, subscription: new ServerSubscription(false) }),
      take: (open, request) => this.#take(open, request),
    });
  }

  register(router: ConnectRouter): void {
    router.service(SecretDiscoveryService, {
      streamSecrets: (requests, context) =>
        this.#streams.serve(requests, context, this.#options.guard),
      fetchSecrets: (request, context) => this.#fetch(request, context),
    });
  }

  /** The bundle is another now. */
  changed(): void {
    this.#encoded = undefined;
    for (const open of this.#streams.open) this.#push(open);
  }

  end(): void {
    this.#streams.end();
  }

  #fetch({ resourceNames }: DiscoveryRequest, context: HandlerContext): DiscoveryResponse {
    this.#options.guard.admit(context, () => undefined).leave();
    refuseMany(resourceNames);
    const { any, name, version } = this.#bundle();
    return responseOf("", version, resourceNames.includes(name) ? [any] : []);
  }

  #take(open: OpenStream, request: DiscoveryRequest): void {
    refuseMany(request.resourceNames);
    const { errorDetail, resourceNames, responseNonce, versionInfo } = request;
    const error = errorDetail?.message;
    open.subscription.receive({ error, resourceNames, responseNonce, versionInfo });
    this.#push(open);
  }

  #push({ outbox, subscription }: OpenStream): void {
    const { any, name, version } = this.#bundle();
    const push = subscription.next(new Map([[name, version]]));
    if (push !== undefined) outbox.put(responseOf(push.nonce, version, [any]));
  }

  /** Encoded once for all streams. */
  #bundle(): EncodedBundle {
    if (this.#encoded !== undefined) return this.#encoded;
    const secret = this.#options.current();
    const { encode, typeUrl } = CODECS.secret;
    const value = encode(secret, "envoy");
    const version = createHash("sha256").update(value).digest("hex").slice(0, VERSION_CHARS);
    this.#encoded = { name: secret.name, version, any: create(AnySchema, { typeUrl, value }) };
    return this.#encoded;
  }
}

function refuseMany(names: readonly string[]): void {
  if (names.length <= NAMES_MAX) return;
  throw new ConnectError(`more than ${NAMES_MAX} resource names`, Code.ResourceExhausted);
}

function responseOf(nonce: string, version: string, resources: Any[]): DiscoveryResponse {
  const { typeUrl } = CODECS.secret;
  return create(DiscoveryResponseSchema, { nonce, resources, typeUrl, versionInfo: version });
}
