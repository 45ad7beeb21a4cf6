import { FrameReader, frameOf } from "../../../codec/grpc/frame-reader.ts";
import { decodeServing, encodeHealthRequest } from "../../../codec/grpc/health-message.ts";
import { GRPC_STATUS } from "../../../codec/grpc/status.ts";
import { formatGrpcTimeout } from "../../../codec/grpc/timeout.ts";
import { CANCEL } from "../../../codec/h2/error-code.ts";
import type { StreamOwner } from "../../../codec/h2/owner.ts";
import { Http2Response } from "../../../codec/h2/response.ts";
import type { Stream } from "../../../codec/h2/stream.ts";
import { HeaderTable } from "../../../codec/http/header-table.ts";
import type { GrpcHealthCheck } from "../../../model/upstream/health-check.ts";
import type { Host } from "../../cluster/host.ts";
import { grpcStatusIn, isGrpc } from "../../grpc/grpc-call.ts";
import type { CheckOutcome } from "./outcome.ts";
import { checkedName } from "./probe.ts";

const PATH = "/grpc.health.v1.Health/Check";

/** A HealthCheckResponse has two bytes; what is far longer is none. */
const MESSAGE_BYTES_MAX = 1024;

/**
 * One call of grpc.health.v1.Health/Check. Ends once, with its outcome, unless it is cancelled
 * (Envoy: GrpcHealthCheckerImpl::GrpcActiveHealthCheckSession).
 */
export class GrpcCheck implements StreamOwner {
  readonly message: Http2Response = new Http2Response();
  readonly #host: Host;
  readonly #config: GrpcHealthCheck;
  readonly #done: (outcome: CheckOutcome) => void;
  readonly #frames = new FrameReader({
    onFrame: (flags, length) => this.#onFrame(flags, length),
    onFrameData: (bytes, start, end) => this.#onFrameData(bytes, start, end),
  });
  #stream: Stream | undefined;
  #answer: Buffer | undefined;
  #outcome: CheckOutcome = "unhealthy";
  #over = false;

  constructor(host: Host, config: GrpcHealthCheck, done: (outcome: CheckOutcome) => void) {
    this.#host = host;
    this.#config = config;
    this.#done = done;
  }

  /** Sends the request; `stream` is this check's. */
  send(stream: Stream): void {
    const { tls } = this.#host.transport;
    const { authority, serviceName, timeoutMs } = this.#config;
    const scheme = tls === undefined ? "http" : "https";
    const name = checkedName(this.#host, authority);
    const headers = new HeaderTable();
    headers.addName("te", "trailers");
    headers.addName("content-type", "application/grpc");
    headers.addName("user-agent", "Envoy/HC");
    headers.addName("grpc-timeout", formatGrpcTimeout(timeoutMs));
    this.#stream = stream;
    stream.sendRequest("POST", scheme, name, PATH, "", headers, false);
    const body = frameOf(encodeHealthRequest(serviceName));
    stream.sendData(body, 0, body.length);
    stream.end();
  }

  /** Nobody waits for the outcome any more. */
  cancel(): void {
    const stream = this.#stream;
    this.#over = true;
    this.#stream = undefined;
    stream?.reset(CANCEL);
  }

  /** A head that is also the end has no answer in it, whatever status it gives: see `onEnd`. */
  onHead(endStream: boolean): void {
    const { headers, status } = this.message;
    if (endStream || status < 200) return;
    if (status !== 200 || !isGrpc(headers)) this.#end("unhealthy");
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (!this.#over && !this.#frames.read(bytes, start, end)) this.#end("unhealthy");
  }

  onTrailers(trailers: HeaderTable): void {
    const { OK } = GRPC_STATUS;
    const answer = this.#answer ?? Buffer.alloc(0);
    const serving = grpcStatusIn(trailers) === OK && decodeServing(answer) === true;
    if (serving) this.#outcome = "healthy";
  }

  onEnd(): void {
    this.#stream = undefined;
    this.#end(this.#outcome);
  }

  onReset(): void {
    this.#stream = undefined;
    this.#end("network");
  }

  onBlocked(): void {
    // A request of some bytes: nothing follows that could wait.
  }

  onWritable(): void {
    // As above.
  }

  #onFrame(flags: number, length: number): void {
    if (length === 0) return;
    if (this.#answer !== undefined || flags !== 0 || length > MESSAGE_BYTES_MAX) {
      this.#end("unhealthy");
      return;
    }
    this.#answer = Buffer.alloc(0);
  }

  #onFrameData(bytes: Buffer, start: number, end: number): void {
    if (this.#over) return;
    this.#answer = Buffer.concat([this.#answer ?? Buffer.alloc(0), bytes.subarray(start, end)]);
  }

  #end(outcome: CheckOutcome): void {
    if (this.#over) return;
    this.cancel();
    this.#done(outcome);
  }
}
