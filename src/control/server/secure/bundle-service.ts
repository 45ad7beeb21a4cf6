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
import { Outbox } from "../../../xds/stream/outbox.ts";
import { ServerSubscription } from "../../../xds/stream/subscription.ts";
import type { StreamGuard, StreamWarden } from "../ads-service.ts";

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

interface OpenStream {
  readonly subscription: ServerSubscription;
  readonly warden: StreamWarden;
  readonly outbox: Outbox<DiscoveryResponse>;
}

/**
 * Gives agents the trust bundle, and again when it changes: SDS (envoy.service.secret.v3), state of
 * the world. It is the same for everybody; no other secret is told here, whoever asks.
 */
export class BundleService {
  readonly #options: BundleServiceOptions;
  readonly #open = new Set<OpenStream>();
  #encoded: EncodedBundle | undefined;

  constructor(options: BundleServiceOptions) {
    this.#options = options;
  }

  register(router: ConnectRouter): void {
    router.service(SecretDiscoveryService, {
      streamSecrets: (requests, context) => this.#serve(requests, context),
      fetchSecrets: (request, context) => this.#fetch(request, context),
    });
  }

  /** The bundle is another now. */
  changed(): void {
    this.#encoded = undefined;
    for (const open of this.#open) this.#push(open);
  }

  end(): void {
    for (const { outbox } of this.#open) outbox.end();
  }

  #fetch({ resourceNames }: DiscoveryRequest, context: HandlerContext): DiscoveryResponse {
    this.#options.guard.admit(context, () => undefined).leave();
    refuseMany(resourceNames);
    const { any, name, version } = this.#bundle();
    return responseOf("", version, resourceNames.includes(name) ? [any] : []);
  }

  async *#serve(
    requests: AsyncIterable<DiscoveryRequest>,
    context: HandlerContext,
  ): AsyncGenerator<DiscoveryResponse> {
    if (this.#open.size >= STREAMS_MAX) {
      throw new ConnectError(`more than ${STREAMS_MAX} streams`, Code.ResourceExhausted);
    }
    const outbox = new Outbox<DiscoveryResponse>();
    const warden = this.#options.guard.admit(context, (error) => outbox.fail(error));
    const open = { subscription: new ServerSubscription(false), warden, outbox };
    context.signal.addEventListener("abort", () => outbox.end());
    this.#open.add(open);
    void this.#receive(requests, open);
    yield* outbox.drain();
  }

  async #receive(requests: AsyncIterable<DiscoveryRequest>, open: OpenStream): Promise<void> {
    try {
      for await (const request of requests) {
        open.warden.request();
        refuseMany(request.resourceNames);
        const { errorDetail, resourceNames, responseNonce, versionInfo } = request;
        const error = errorDetail?.message;
        open.subscription.receive({ error, resourceNames, responseNonce, versionInfo });
        this.#push(open);
      }
      open.outbox.end();
    } catch (error) {
      open.outbox.fail(ConnectError.from(error));
    } finally {
      open.warden.leave();
      this.#open.delete(open);
    }
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
