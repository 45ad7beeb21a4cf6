import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import {
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../../../src/gen/envoy/service/discovery/v3/discovery_pb.js";

const PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
const PATIENCE_MS = 10_000;

/** The fields of a request that an attacker plays with. */
export interface Asked {
  readonly typeUrl: string;
  readonly nonce?: string;
  readonly version?: string;
  readonly names?: readonly string[];
  readonly node?: string;
  /** What it says of itself beside the node's id. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Makes it a NACK. */
  readonly error?: string;
}

/** PEM: by which roots the server is verified, and what is shown to it. */
export interface Shown {
  readonly roots: string;
  readonly certificate?: { readonly chain: string; readonly key: string } | undefined;
}

/** A client of ADS, by grpc-js, that sends what it likes. */
export class HostileProxy {
  readonly #client: grpc.Client;
  readonly #call: grpc.ClientDuplexStream<Buffer, Buffer>;
  readonly responses: DiscoveryResponse[] = [];
  /** How the stream ended: a status code; undefined while it has not. */
  ended: number | undefined;
  #wake: () => void = () => undefined;

  private constructor(client: grpc.Client) {
    const whole = (bytes: Buffer): Buffer => bytes;
    this.#client = client;
    this.#call = client.makeBidiStreamRequest(PATH, whole, whole);
    this.#call.on("data", (bytes: Buffer) => {
      this.responses.push(fromBinary(DiscoveryResponseSchema, bytes));
      this.#wake();
    });
    this.#call.on("error", (error: grpc.ServiceError) => this.#end(error.code));
    this.#call.on("status", ({ code }: grpc.StatusObject) => this.#end(code));
  }

  /** A stream on a connection of its own, or on that of another. */
  static open(port: number, beside?: HostileProxy): HostileProxy {
    if (beside !== undefined) return new HostileProxy(beside.#client);
    const options = { "grpc.max_send_message_length": -1, "grpc.use_local_subchannel_pool": 1 };
    const credentials = grpc.credentials.createInsecure();
    return new HostileProxy(new grpc.Client(`127.0.0.1:${port}`, credentials, options));
  }

  /** A stream on a connection of its own, over TLS. */
  static openSecure(port: number, { roots, certificate }: Shown): HostileProxy {
    const credentials = grpc.credentials.createSsl(
      Buffer.from(roots),
      certificate === undefined ? null : Buffer.from(certificate.key),
      certificate === undefined ? null : Buffer.from(certificate.chain),
    );
    const options = {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.ssl_target_name_override": "localhost",
    };
    return new HostileProxy(new grpc.Client(`127.0.0.1:${port}`, credentials, options));
  }

  ask({ typeUrl, nonce = "", version = "", names = [], node = "hostile", ...rest }: Asked): void {
    const { error, metadata = {} } = rest;
    const request = create(DiscoveryRequestSchema, {
      typeUrl,
      responseNonce: nonce,
      versionInfo: version,
      resourceNames: [...names],
      node: { id: node, cluster: "hostile", metadata },
      ...(error === undefined ? {} : { errorDetail: { code: 3, message: error } }),
    });
    this.raw(Buffer.from(toBinary(DiscoveryRequestSchema, request)));
  }

  raw(bytes: Buffer): void {
    if (this.ended === undefined) this.#call.write(bytes);
  }

  /** Waits for so many responses, or for the end; false where neither comes. */
  async sees(count: number): Promise<boolean> {
    return this.#until(() => this.responses.length >= count || this.ended !== undefined);
  }

  /** The status code that it ends with; -1 where it does not. */
  async end(): Promise<number> {
    await this.#until(() => this.ended !== undefined);
    return this.ended ?? -1;
  }

  cancel(): void {
    this.#call.cancel();
  }

  leave(): void {
    this.#call.cancel();
    this.#client.close();
  }

  async #until(holds: () => boolean): Promise<boolean> {
    const end = performance.now() + PATIENCE_MS;
    while (!holds() && performance.now() < end) {
      const late = setTimeout(() => this.#wake(), 200);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      clearTimeout(late);
    }
    return holds();
  }

  #end(code: number): void {
    this.ended ??= code;
    this.#wake();
  }
}
