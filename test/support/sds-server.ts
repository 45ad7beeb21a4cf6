/** A server of secrets as an agent is one: SDS over gRPC on a Unix socket. */
import { once } from "node:events";
import http2 from "node:http2";
import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  type DiscoveryRequest,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../../src/gen/envoy/service/discovery/v3/discovery_pb.js";
import { SecretDiscoveryService } from "../../src/gen/envoy/service/secret/v3/sds_pb.js";
import type { Secret } from "../../src/model/transport/secret.ts";
import { CODECS } from "../../src/xds/resource.ts";
import { Outbox } from "../../src/xds/stream/outbox.ts";
import { running } from "./one-hop.ts";

interface Stream {
  name: string;
  readonly outbox: Outbox<DiscoveryResponse>;
}

export class SdsServer {
  /** Each request that came, in order. */
  readonly requests: DiscoveryRequest[] = [];
  readonly #secrets = new Map<string, Secret>();
  readonly #streams = new Set<Stream>();
  readonly #sessions = new Set<http2.ServerHttp2Session>();
  readonly #server: http2.Http2Server;
  #version = 0;

  private constructor() {
    const handler = connectNodeAdapter({
      routes: (router) => {
        router.service(SecretDiscoveryService, {
          streamSecrets: (requests) => this.#serve(requests),
        });
      },
    });
    this.#server = http2.createServer(handler);
    this.#server.on("session", (session) => this.#sessions.add(session));
  }

  /** Stops after the test. */
  static async listen(path: string): Promise<SdsServer> {
    const server = new SdsServer();
    server.#server.listen(path);
    await once(server.#server, "listening");
    running.push(server);
    return server;
  }

  get streams(): number {
    return this.#streams.size;
  }

  put(secret: Secret): void {
    this.#secrets.set(secret.name, secret);
    this.#version++;
    for (const stream of this.#streams) if (stream.name === secret.name) this.#tell(stream);
  }

  /** Ends every stream, as an agent that is started anew. */
  hangUp(): void {
    for (const session of this.#sessions) session.destroy();
    this.#sessions.clear();
  }

  stop(): void {
    this.hangUp();
    this.#server.close();
  }

  async *#serve(requests: AsyncIterable<DiscoveryRequest>): AsyncGenerator<DiscoveryResponse> {
    const stream: Stream = { name: "", outbox: new Outbox() };
    this.#streams.add(stream);
    void this.#receive(requests, stream);
    yield* stream.outbox.drain();
  }

  async #receive(requests: AsyncIterable<DiscoveryRequest>, stream: Stream): Promise<void> {
    try {
      for await (const request of requests) {
        this.requests.push(request);
        const first = stream.name === "";
        stream.name = request.resourceNames[0] ?? "";
        if (first) this.#tell(stream);
      }
    } catch {
      // The proxy hung up.
    } finally {
      this.#streams.delete(stream);
      stream.outbox.end();
    }
  }

  #tell({ name, outbox }: Stream): void {
    const secret = this.#secrets.get(name);
    if (secret === undefined) return;
    const { typeUrl } = CODECS.secret;
    const value = CODECS.secret.encode(secret, "envoy");
    outbox.put(
      create(DiscoveryResponseSchema, {
        versionInfo: String(this.#version),
        nonce: `nonce ${this.#version}`,
        typeUrl,
        resources: [create(AnySchema, { typeUrl, value })],
      }),
    );
  }
}
