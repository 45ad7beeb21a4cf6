import { CARRYING_ALPN } from "../../carry/protocol.ts";
import type { CompiledHcm } from "../../compile/compiled-hcm.ts";
import { Deadline, type DeadlineOwner } from "../../deadline.ts";
import { contained } from "../../faults.ts";
import type { HttpCodec } from "../../telemetry/envoy/http-stats.ts";
import type { HttpStat } from "../../telemetry/envoy/http-tables.ts";
import type { Accepted } from "../accepted.ts";
import { Http1Connection } from "../http1/connection.ts";
import { Http2Connection } from "../http2/connection.ts";
import { startsHttp2 } from "../sniff.ts";
import type { ChoosingOwner, ClientConnection } from "./client-connection.ts";

const NO_BYTES: Buffer = Buffer.alloc(0);

/** Undefined: the first bytes show it. */
function knownCodec({ alpn }: Accepted, { config }: CompiledHcm): HttpCodec | undefined {
  if (alpn === CARRYING_ALPN) return "http2";
  if (config.codec !== "auto") return config.codec;
  if (alpn === "") return undefined;
  return alpn === "h2" ? "http2" : "http1";
}

/** Undefined: more bytes have to come. */
function codecOf(bytes: Buffer): HttpCodec | undefined {
  const answer = startsHttp2(bytes);
  if (answer === "more") return undefined;
  return answer === "yes" ? "http2" : "http1";
}

/**
 * A client that has not yet said anything, or not enough to know its protocol. Then it gives its
 * place to the connection that serves the client in the protocol that is configured; where that is
 * `auto`, in the one that TLS has agreed upon, or that the first bytes show.
 */
export class CodecChoice implements ClientConnection, DeadlineOwner {
  readonly #accepted: Accepted;
  readonly #hcm: CompiledHcm;
  readonly #owner: ChoosingOwner;
  readonly #idle: Deadline;
  readonly #close: () => void = contained(this as CodecChoice, this.#onClose);
  #bytes = NO_BYTES;
  #chosen: ClientConnection | undefined;
  #closedByPeer = false;
  /** Once it has been told to drain. */
  #patienceMs: number | undefined;

  constructor(accepted: Accepted, hcm: CompiledHcm, owner: ChoosingOwner) {
    const { clock } = hcm.context;
    accepted.openedMs = clock.now();
    hcm.account.http.connectionOpened();
    this.#accepted = accepted;
    this.#hcm = hcm;
    this.#owner = owner;
    this.#idle = new Deadline(clock, this, "idle");
    this.#beIdle();
    const { maxConnectionDurationMs } = hcm.config;
    if (maxConnectionDurationMs > 0) this.#limitAge(maxConnectionDurationMs);
    accepted.readTo(contained(this as CodecChoice, this.onData), !hcm.config.explicitProxy);
    accepted.socket.on("end", this.#end);
    accepted.socket.on("error", this.#end);
    accepted.socket.on("close", this.#close);
  }

  onData(bytes: Buffer): void {
    if (this.#chosen !== undefined) {
      this.#chosen.onData(bytes);
      return;
    }
    const seen = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    const codec = knownCodec(this.#accepted, this.#hcm) ?? codecOf(seen);
    if (codec === undefined) this.#bytes = Buffer.from(seen);
    else this.#choose(codec).onData(seen);
  }

  /** TLS, or the configuration, has said it; the first bytes need not. */
  get speaksHttp2(): boolean {
    return knownCodec(this.#accepted, this.#hcm) === "http2";
  }

  /** HTTP/2 can say so to a client whose first request is on its way already. */
  drain(patienceMs: number, why?: HttpStat): void {
    if (this.#chosen !== undefined) this.#chosen.drain(patienceMs, why);
    else if (patienceMs > 0) this.#wait(patienceMs);
    else if (this.speaksHttp2) this.#choose("http2").drain(0);
    else this.#accepted.socket.destroySoon();
  }

  onIdleTimeouts(): void {
    if (this.#chosen !== undefined) this.#chosen.onIdleTimeouts();
    else if (this.#patienceMs === undefined) this.#beIdle();
  }

  destroy(): void {
    if (this.#chosen === undefined) this.#accepted.socket.destroy();
    else this.#chosen.destroy();
  }

  onDeadline(kind: string): void {
    if (kind === "age") {
      this.#beOld();
      return;
    }
    if (this.#patienceMs === undefined) {
      this.#hcm.account.http.count("downstream_cx_idle_timeout");
    }
    this.drain(0);
  }

  onFault(error: unknown): void {
    this.#hcm.context.faults.report(error);
    this.#accepted.socket.destroy();
  }

  #choose(codec: HttpCodec): ClientConnection {
    const accepted = this.#accepted;
    accepted.socket.removeListener("end", this.#end);
    accepted.socket.removeListener("error", this.#end);
    accepted.socket.removeListener("close", this.#close);
    this.#idle.dispose();
    this.#bytes = NO_BYTES;
    const chosen =
      codec === "http2"
        ? new Http2Connection(accepted, this.#hcm, this.#owner)
        : new Http1Connection(accepted, this.#hcm, this.#owner);
    this.#chosen = chosen;
    this.#owner.onChosen(this, chosen);
    if (this.#patienceMs !== undefined) chosen.drain(this.#patienceMs);
    return chosen;
  }

  #limitAge(limitMs: number): void {
    const { clock } = this.#hcm.context;
    const age = new Deadline(clock, this, "age");
    age.set(clock.now(), limitMs);
    this.#accepted.socket.on("close", () => age.dispose());
  }

  /** Its client may have sent a request already, and is answered; one without any is not. */
  #beOld(): void {
    const { account, config } = this.#hcm;
    const why = "downstream_cx_max_duration_reached";
    if (this.#chosen !== undefined) {
      this.#chosen.drain(config.drainTimeoutMs, why);
      return;
    }
    account.http.count(why);
    this.#accepted.socket.destroySoon();
  }

  #beIdle(): void {
    const { config, context } = this.#hcm;
    this.#idle.set(this.#accepted.openedMs, context.overload.idleTimeoutMs(config.idleTimeoutMs));
  }

  /** It has to go, but its first request may be on its way. */
  #wait(patienceMs: number): void {
    this.#patienceMs = patienceMs;
    this.#idle.set(this.#hcm.context.clock.now(), patienceMs);
  }

  readonly #end = (): void => {
    this.#closedByPeer = true;
    this.#accepted.socket.destroySoon();
  };

  #onClose(): void {
    this.#idle.dispose();
    const lengthMs = this.#hcm.context.clock.now() - this.#accepted.openedMs;
    this.#hcm.account.http.connectionClosed(!this.#closedByPeer, false, lengthMs);
    this.#owner.onConnectionClosed(this);
  }
}
