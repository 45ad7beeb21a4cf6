import type { Clock, Timer } from "../../base/clock.ts";
import { GrowingBytes } from "../../base/growing-bytes.ts";
import { type ClientHello, ClientHelloReader } from "../../codec/tls/client-hello.ts";
import { contained, type FaultOwner } from "../faults.ts";
import type { Accepted } from "./accepted.ts";
import { type Sniffed, sniff } from "./sniff.ts";

/** What a connection's first bytes say of it, as far as filter chains ask. */
export interface FirstBytes {
  readonly transport: "raw_buffer" | "tls";
  /** Lower case; empty where the client names no server. */
  readonly serverName: string;
  /** ALPN's, in the client's order; or what the bytes are without TLS. */
  readonly applicationProtocols: readonly string[];
}

/** Nothing is known, as of a client that lets the server speak first. */
export const SILENT: FirstBytes = plain("other");
/** What a client without TLS may be found to speak. */
export const spoken: readonly FirstBytes[] = [plain("http/1.1"), plain("http/1.0"), plain("h2c")];

function plain(protocol: Sniffed): FirstBytes {
  return { transport: "raw_buffer", serverName: "", applicationProtocols: [protocol] };
}

export interface PeekOptions {
  readonly clock: Clock;
  /** How long a silent client is waited for; 0 for ever. */
  readonly timeoutMs: number;
  /** Whether a ClientHello is looked for, and whether a request is. */
  readonly hello: boolean;
  readonly request: boolean;
}

export interface Peeked {
  readonly says: FirstBytes;
  /** Undefined without TLS. */
  readonly hello: ClientHello | undefined;
  /** All that was read. */
  readonly bytes: Buffer;
}

export interface PeekOwner extends FaultOwner {
  /** `complete`: what the bytes are was plain; else nobody has waited for more. */
  onPeeked(peeked: Peeked, complete: boolean): void;
  /** The client has sent nothing plain in time. True: goes on as if it had said nothing. */
  onPeekTimeout(): boolean;
  /** It ends without `onPeeked`: the hello is too long, or the client has gone. */
  onPeekFailed(why: "tooLong" | "gone"): void;
}

/**
 * Reads a connection's first bytes until it is plain what they are; they are not consumed.
 *
 * ```
 *   hello -> request -> settled
 *     |                   ^
 *     +-------------------+        either question may not be asked
 * ```
 */
export class Peek {
  readonly #accepted: Accepted;
  readonly #owner: PeekOwner;
  readonly #options: PeekOptions;
  #timer: Timer | undefined;
  readonly #take: (bytes: Buffer) => void;
  readonly #end: () => void;
  #state: "hello" | "request" | "settled";
  readonly #bytes = new GrowingBytes();
  readonly #hello = new ClientHelloReader();

  constructor(accepted: Accepted, owner: PeekOwner, options: PeekOptions) {
    this.#accepted = accepted;
    this.#owner = owner;
    this.#options = options;
    this.#state = options.hello ? "hello" : "request";
    this.#take = contained(owner, (bytes: Buffer) => this.#onData(bytes));
    this.#end = contained(owner, () => this.#onEnd());
  }

  /** `first`: what was read of the connection already. */
  start(first: Buffer): void {
    const { clock, timeoutMs } = this.#options;
    const { socket } = this.#accepted;
    const late = contained(this.#owner, () => this.#onTimeout());
    if (timeoutMs > 0) this.#timer = clock.after(timeoutMs, () => late());
    this.#accepted.fresh = false;
    socket.on("data", this.#take);
    socket.on("end", this.#end);
    socket.on("error", this.#end);
    socket.resume();
    if (first.length > 0) this.#onData(first);
  }

  destroy(): void {
    this.#settle();
    this.#accepted.socket.destroy();
  }

  #onData(bytes: Buffer): void {
    this.#bytes.append(bytes);
    if (this.#state === "hello") this.#lookForHello(bytes);
    if (this.#state === "request") this.#lookForRequest();
  }

  #lookForHello(bytes: Buffer): void {
    const reading = this.#hello.read(bytes);
    if (reading === "more") return;
    if (reading === "tooLong") {
      this.#fail("tooLong");
    } else if (reading === "notTls") {
      if (this.#options.request) this.#state = "request";
      else this.#found(SILENT, undefined);
    } else {
      const { alpnProtocols: applicationProtocols, serverName } = reading;
      this.#found({ transport: "tls", serverName, applicationProtocols }, reading);
    }
  }

  #lookForRequest(): void {
    const protocol = sniff(this.#bytes.bytes);
    if (protocol !== "more") this.#found(plain(protocol), undefined);
  }

  /** Half a request may be another protocol's whole; half a hello is nothing. */
  #onEnd(): void {
    if (this.#state === "hello") this.#fail("gone");
    if (this.#state !== "request") return;
    this.#found(SILENT, undefined, false);
    // Whoever has taken over came too late to hear of it.
    this.#accepted.socket.emit("end");
  }

  #onTimeout(): void {
    if (this.#owner.onPeekTimeout()) this.#found(SILENT, undefined, false);
    else this.destroy();
  }

  #found(says: FirstBytes, hello: ClientHello | undefined, complete = true): void {
    this.#settle();
    this.#owner.onPeeked({ says, hello, bytes: this.#bytes.bytes }, complete);
  }

  #fail(why: "tooLong" | "gone"): void {
    this.destroy();
    this.#owner.onPeekFailed(why);
  }

  #settle(): void {
    const { socket } = this.#accepted;
    this.#state = "settled";
    this.#timer?.cancel();
    socket.removeListener("data", this.#take);
    socket.removeListener("end", this.#end);
    socket.removeListener("error", this.#end);
  }
}
