// hot path: no allocation per request
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { RequestMessage } from "../../codec/http/message.ts";
import type { Downstream } from "../downstream.ts";
import { holds } from "../filters/fraction.ts";
import { HostChoice } from "../retry/host-choice.ts";
import type { CompiledForward, CompiledMirror } from "../route/compiled-route.ts";
import type { RequestHead } from "../route/request-head.ts";
import { Mirror } from "./mirror.ts";
import { MirroredRequest } from "./mirrored-request.ts";

/** The copies of one request, as long as it is not complete; most requests have none. */
export class Mirrors {
  readonly #down: Downstream;
  readonly #message: RequestMessage;
  readonly #running: Mirror[] = [];
  readonly #hosts: HostChoice;

  constructor(down: Downstream, message: RequestMessage) {
    this.#down = down;
    this.#message = message;
    this.#hosts = new HostChoice(down.hcm.context.random);
  }

  /** Sends the head to each cluster whose share this request is among. */
  start(request: RequestHead, { mirrors, timeoutMs }: CompiledForward): void {
    const { random } = this.#down.hcm.context;
    for (let i = 0; i < mirrors.length; i++) {
      const policy = mirrors[i] as CompiledMirror;
      const cluster = policy.slot.cluster;
      if (cluster === undefined) continue;
      if (policy.fraction !== undefined && !holds(policy.fraction, random)) continue;
      this.#hosts.reset();
      const host = this.#hosts.next(cluster, this.#down.originalDestination, undefined);
      if (host === undefined) {
        cluster.stats.count("upstream_cx_none_healthy");
        continue;
      }
      const { hcm } = this.#down;
      const copy = new MirroredRequest(request, this.#message, policy.shadowHost, hcm.localAddress);
      const mirror = new Mirror(copy, host, timeoutMs);
      this.#running.push(mirror);
      mirror.start();
    }
  }

  sendData(bytes: Buffer, start: number, end: number): void {
    for (let i = 0; i < this.#running.length; i++) this.#running[i]?.sendData(bytes, start, end);
  }

  /** The request is complete: the copies go on by themselves. */
  end(trailers: HeaderTable | undefined): void {
    if (this.#running.length === 0) return;
    for (let i = 0; i < this.#running.length; i++) this.#running[i]?.end(trailers);
    this.#running.length = 0;
  }

  /** The request is over. Where it has not been completed, neither are its copies. */
  abort(): void {
    if (this.#running.length === 0) return;
    for (let i = 0; i < this.#running.length; i++) this.#running[i]?.abort();
    this.#running.length = 0;
  }
}
