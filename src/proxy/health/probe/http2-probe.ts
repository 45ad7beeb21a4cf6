import type { StreamOwner } from "../../../codec/h2/owner.ts";
import type { Stream } from "../../../codec/h2/stream.ts";
import type { GrpcHealthCheck, HttpHealthCheck } from "../../../model/upstream/health-check.ts";
import type { Host } from "../../cluster/host.ts";
import { GrpcCheck } from "./grpc-check.ts";
import { questionOf } from "./http-question.ts";
import { HttpVerdict } from "./http-verdict.ts";
import { Http2Check } from "./http2-check.ts";
import { Http2Connection, type Http2ConnectionOwner } from "./http2-connection.ts";
import type { CheckOutcome } from "./outcome.ts";
import type { Probe, ProbeOwner } from "./probe.ts";

/** A check that is a stream of an HTTP/2 connection. */
interface StreamCheck extends StreamOwner {
  send(stream: Stream): void;
  cancel(): void;
}

/** Asks over HTTP/2, plainly or as gRPC, on one connection after the other. */
export class Http2Probe implements Probe, Http2ConnectionOwner {
  readonly #host: Host;
  readonly #config: GrpcHealthCheck | HttpHealthCheck;
  readonly #owner: ProbeOwner;
  #connection: Http2Connection | undefined;
  #check: StreamCheck | undefined;

  constructor(host: Host, config: GrpcHealthCheck | HttpHealthCheck, owner: ProbeOwner) {
    this.#host = host;
    this.#config = config;
    this.#owner = owner;
  }

  check(): void {
    this.#dropUseless();
    this.#check = this.#newCheck();
    this.#connection ??= new Http2Connection(this.#host, this);
    if (this.#connection.usable) this.#send();
  }

  cancel(): void {
    this.#check?.cancel();
    this.#check = undefined;
    if (this.#connection?.connecting === true) this.#connection.close();
  }

  close(): void {
    this.cancel();
    this.#connection?.close();
  }

  onProbeOpen(): void {
    if (this.#check !== undefined) this.#send();
  }

  /** A check that was waiting for the connection hears nothing of it otherwise. */
  onProbeClosed(): void {
    this.#connection = undefined;
    this.#end("network");
  }

  onFault(error: unknown): void {
    this.#owner.onFault(error);
  }

  #newCheck(): StreamCheck {
    const config = this.#config;
    const done = (outcome: CheckOutcome): void => this.#end(outcome);
    if (config.kind === "grpc") return new GrpcCheck(this.#host, config, done);
    return new Http2Check(questionOf(this.#host, config), new HttpVerdict(config), done);
  }

  #send(): void {
    const check = this.#check;
    if (check !== undefined && this.#connection !== undefined) {
      check.send(this.#connection.openStream(check));
    }
  }

  #end(outcome: CheckOutcome): void {
    if (this.#check === undefined) return;
    this.#check = undefined;
    this.#owner.onOutcome(outcome);
    if (!this.#config.reuseConnection) this.#connection?.close();
  }

  /** A connection that the host has said goodbye to makes room for another. */
  #dropUseless(): void {
    const connection = this.#connection;
    if (connection === undefined || connection.usable) return;
    this.#connection = undefined;
    connection.close();
  }
}
