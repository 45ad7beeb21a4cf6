import http2 from "node:http2";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  type DiscoveryRequest,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../../gen/envoy/service/discovery/v3/discovery_pb.js";
import { SecretDiscoveryService } from "../../gen/envoy/service/secret/v3/sds_pb.js";
import type { Registry } from "../../metrics/registry.ts";
import { CODECS } from "../../xds/resource.ts";
import { Outbox } from "../../xds/stream/outbox.ts";
import type { SecretSource } from "../workload-secrets.ts";
import { SdsMetrics } from "./sds-metrics.ts";
import { encodeSecrets, type SecretPush, SecretStream } from "./secret-stream.ts";
import { listenAt, type SocketFile } from "./socket-file.ts";

export interface SecretServerOptions {
  readonly socket: SocketFile;
  readonly secrets: SecretSource;
  readonly registry: Registry;
  readonly onNotice: (notice: string) => void;
}

export interface SecretServer {
  stop(): Promise<void>;
}

/** What an Envoy may cost us. It opens one stream for each secret. */
const REQUEST_BYTES_MAX = 64 * 1024;
const STREAMS_MAX = 1024;
const NAMES_MAX = 100;
/** So many unknown names, and refusals, are told; all are counted. */
const TOLD_MAX = 20;
const TOLD_CHARS_MAX = 200;

/**
 * Gives real Envoys beside it the agent's secrets, `default` and `ROOTCA`: SDS (envoy.service.
 * secret.v3), state of the world, on a Unix socket.
 */
export async function startSecretServer(options: SecretServerOptions): Promise<SecretServer> {
  const service = new SecretService(options);
  const handler = connectNodeAdapter({
    routes: (router) => service.register(router),
    readMaxBytes: REQUEST_BYTES_MAX,
  });
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer(handler);
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
  });
  const takeAway = await listenAt(server, options.socket, options.onNotice);
  const stopFollowing = options.secrets.onChange(() => service.pushAll());
  return {
    stop: async () => {
      stopFollowing();
      takeAway();
      service.end();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

interface OpenStream {
  readonly stream: SecretStream;
  readonly outbox: Outbox<DiscoveryResponse>;
}

class SecretService {
  readonly #secrets: SecretSource;
  readonly #metrics: SdsMetrics;
  readonly #onNotice: (notice: string) => void;
  readonly #open = new Set<OpenStream>();
  #told = 0;

  constructor({ secrets, registry, onNotice }: SecretServerOptions) {
    this.#secrets = secrets;
    this.#metrics = new SdsMetrics(registry);
    this.#onNotice = onNotice;
  }

  register(router: ConnectRouter): void {
    router.service(SecretDiscoveryService, {
      streamSecrets: (requests, context) => this.#serve(requests, context),
      fetchSecrets: ({ resourceNames }) => {
        refuseMany(resourceNames);
        return responseOf(encodeSecrets(this.#secrets, resourceNames));
      },
    });
  }

  pushAll(): void {
    for (const open of this.#open) this.#push(open);
  }

  end(): void {
    for (const { outbox } of this.#open) outbox.end();
  }

  async *#serve(
    requests: AsyncIterable<DiscoveryRequest>,
    context: HandlerContext,
  ): AsyncGenerator<DiscoveryResponse> {
    if (this.#open.size >= STREAMS_MAX) {
      throw new ConnectError(`more than ${STREAMS_MAX} streams`, Code.ResourceExhausted);
    }
    const outbox = new Outbox<DiscoveryResponse>();
    const open = { stream: new SecretStream(this.#secrets), outbox };
    context.signal.addEventListener("abort", () => outbox.end());
    this.#open.add(open);
    this.#metrics.opened();
    void this.#receive(requests, open);
    yield* outbox.drain();
  }

  async #receive(requests: AsyncIterable<DiscoveryRequest>, open: OpenStream): Promise<void> {
    try {
      for await (const request of requests) this.#take(open, request);
      open.outbox.end();
    } catch (error) {
      open.outbox.fail(ConnectError.from(error));
    } finally {
      this.#open.delete(open);
      this.#metrics.closed();
    }
  }

  #take(open: OpenStream, request: DiscoveryRequest): void {
    const { resourceNames, versionInfo, responseNonce, errorDetail } = request;
    refuseMany(resourceNames);
    const error = errorDetail?.message;
    const received = open.stream.receive({ versionInfo, responseNonce, resourceNames, error });
    if (received.refused) {
      this.#metrics.rejected();
      this.#tell(`an Envoy refused a secret: ${quoted(error ?? "")}`);
    }
    if (received.unknown.length > 0) {
      this.#metrics.unknown(received.unknown.length);
      this.#tell(
        `an Envoy asked for secrets that nobody has: ${quoted(received.unknown.join(" "))}`,
      );
    }
    this.#push(open);
  }

  #push({ stream, outbox }: OpenStream): void {
    const push = stream.pump();
    if (push === undefined) return;
    this.#metrics.pushed(push.resources.length);
    outbox.put(responseOf(push));
  }

  #tell(notice: string): void {
    this.#told += 1;
    if (this.#told <= TOLD_MAX) this.#onNotice(notice);
  }
}

function refuseMany(names: readonly string[]): void {
  if (names.length <= NAMES_MAX) return;
  throw new ConnectError(`more than ${NAMES_MAX} resource names`, Code.ResourceExhausted);
}

function responseOf({ version, nonce, resources }: SecretPush): DiscoveryResponse {
  return create(DiscoveryResponseSchema, {
    versionInfo: version,
    typeUrl: CODECS.secret.typeUrl,
    nonce,
    resources: [...resources],
  });
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, TOLD_CHARS_MAX));
}
