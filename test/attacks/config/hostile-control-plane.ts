import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "../../../src/gen/envoy/service/discovery/v3/discovery_pb.js";

const PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
const PREFIX = "type.googleapis.com/";
/** Far longer than any proxy takes to answer. */
const PATIENCE_MS = 15_000;

type Call = grpc.ServerDuplexStream<Buffer, Buffer>;

/** What a proxy said to a response: `ACK`, or why it refuses. */
export interface Answer {
  readonly version: string;
  readonly error: string;
}

/** An ADS server, by grpc-js, that sends whatever bytes it is told to. */
export class HostileControlPlane {
  readonly #server: grpc.Server;
  readonly port: number;
  /** Streams that were opened so far. */
  streams = 0;
  #call: Call | undefined;
  #nonce = 0;
  readonly #requests: DiscoveryRequest[] = [];
  #wake: () => void = () => undefined;

  private constructor(server: grpc.Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async listen(): Promise<HostileControlPlane> {
    const server = new grpc.Server({ "grpc.max_send_message_length": -1 });
    const port = await new Promise<number>((resolve, reject) => {
      const credentials = grpc.ServerCredentials.createInsecure();
      server.bindAsync("127.0.0.1:0", credentials, (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    const plane = new HostileControlPlane(server, port);
    const whole = (bytes: Buffer): Buffer => bytes;
    const method = {
      path: PATH,
      requestStream: true,
      responseStream: true,
      requestSerialize: whole,
      requestDeserialize: whole,
      responseSerialize: whole,
      responseDeserialize: whole,
    } as const;
    server.addService({ stream: method }, { stream: (call: Call) => plane.#serve(call) });
    return plane;
  }

  /** Sends a response, of a type such as `envoy.config.cluster.v3.Cluster`; what is said to it. */
  async push(type: string, version: string, resources: readonly Any[]): Promise<Answer> {
    const typeUrl = PREFIX + type;
    await this.#until(() => this.#requests.some((request) => request.typeUrl === typeUrl));
    const nonce = `n${++this.#nonce}`;
    const response = create(DiscoveryResponseSchema, {
      typeUrl,
      nonce,
      versionInfo: version,
      resources: [...resources],
    });
    this.raw(Buffer.from(toBinary(DiscoveryResponseSchema, response)));
    const isAnswer = (request: DiscoveryRequest): boolean => request.responseNonce === nonce;
    await this.#until(() => this.#requests.some(isAnswer));
    const answer = this.#requests.find(isAnswer);
    return { version: answer?.versionInfo ?? "", error: answer?.errorDetail?.message ?? "" };
  }

  /** A message of any bytes. */
  raw(bytes: Buffer): void {
    this.#call?.write(bytes);
  }

  /** Breaks the stream off; resolves when there is another. */
  async cut(): Promise<void> {
    const before = this.streams;
    this.#requests.length = 0;
    this.#call?.end();
    await this.#until(() => this.streams > before);
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #serve(call: Call): void {
    this.streams++;
    this.#call = call;
    call.on("error", () => undefined);
    call.on("data", (bytes: Buffer) => {
      this.#requests.push(fromBinary(DiscoveryRequestSchema, bytes));
      this.#wake();
    });
    this.#wake();
  }

  async #until(holds: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!holds()) {
      if (performance.now() > end) throw new Error("the proxy says nothing");
      const late = setTimeout(() => this.#wake(), 500);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      clearTimeout(late);
    }
  }
}

/** Any with these bytes. */
export function anyOf(type: string, value: Uint8Array): Any {
  return create(AnySchema, { typeUrl: PREFIX + type, value });
}
