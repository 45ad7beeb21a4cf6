import * as grpc from "@grpc/grpc-js";

/** `grpc.health.v1.HealthCheckResponse.ServingStatus`, or what is worse. */
export type Serving = "UNKNOWN" | "SERVING" | "NOT_SERVING" | "silent" | "failing";

const NUMBERS: Readonly<Partial<Record<Serving, number>>> = {
  UNKNOWN: 0,
  SERVING: 1,
  NOT_SERVING: 2,
};

interface CheckRequest {
  readonly service: string;
}

export interface SeenCheck {
  readonly service: string;
  readonly host: string;
  readonly metadata: Readonly<Record<string, grpc.MetadataValue>>;
  readonly leftMs: number;
}

/** `grpc.health.v1.Health` as a server offers it, with a status that tests turn. */
export class HealthService {
  serving: Serving = "SERVING";
  readonly seen: SeenCheck[] = [];

  addTo(server: grpc.Server): this {
    const check: grpc.MethodDefinition<CheckRequest, Serving> = {
      path: "/grpc.health.v1.Health/Check",
      requestStream: false,
      responseStream: false,
      requestSerialize: ({ service }) => Buffer.from(service),
      requestDeserialize: (bytes) => ({ service: bytes.subarray(2).toString() }),
      responseSerialize: (serving) => Buffer.from([0x08, NUMBERS[serving] ?? 0]),
      responseDeserialize: () => "UNKNOWN",
    };
    server.addService({ check }, { check: this.#check });
    return this;
  }

  readonly #check: grpc.handleUnaryCall<CheckRequest, Serving> = (call, callback) => {
    this.seen.push({
      service: call.request.service,
      host: call.getHost(),
      metadata: call.metadata.getMap(),
      leftMs: Number(call.getDeadline()) - Date.now(),
    });
    if (this.serving === "silent") return;
    if (this.serving === "failing") callback({ code: grpc.status.INTERNAL, details: "broken" });
    else callback(null, this.serving);
  };
}
