import type { Clock, Timer } from "../../../base/clock.ts";
import { formatIp } from "../../../base/ip-address.ts";
import type { ProxiedAddresses } from "../../../codec/proxy-protocol/header.ts";
import { HeaderReader } from "../../../codec/proxy-protocol/header-reader.ts";
import { socketAddress } from "../../../model/address.ts";
import type { ProxyProtocolFilter } from "../../../model/listener.ts";
import { contained, type FaultOwner } from "../../faults.ts";
import type { ProxyProtocolStats } from "../../telemetry/envoy/listener-filter/proxy-protocol-stats.ts";
import { type Accepted, plainIp } from "../accepted.ts";

const VERSIONS = ["v1", "v2"] as const;

export interface HeaderPeekOptions {
  readonly filter: ProxyProtocolFilter;
  readonly stats: ProxyProtocolStats;
  readonly clock: Clock;
  /** How long a silent client is waited for; 0 for ever. */
  readonly timeoutMs: number;
}

export interface HeaderPeekOwner extends FaultOwner {
  /** The connection is whose its header says; `rest` was read behind that. */
  onHeader(rest: Buffer): void;
  /** No header has come in time. True: goes on without. */
  onHeaderTimeout(): boolean;
  /** The client has closed before, or what came was no header; the connection is closed. */
  onHeaderFailed(gone: boolean): void;
}

/** Reads the PROXY protocol header that a connection begins with, and takes it off. */
export class HeaderPeek {
  readonly #accepted: Accepted;
  readonly #owner: HeaderPeekOwner;
  readonly #options: HeaderPeekOptions;
  readonly #reader: HeaderReader;
  readonly #take: (bytes: Buffer) => void;
  readonly #end: () => void;
  readonly #startedMs: number;
  #timer: Timer | undefined;

  constructor(accepted: Accepted, owner: HeaderPeekOwner, options: HeaderPeekOptions) {
    const { allowWithout, disallowedVersions } = options.filter;
    this.#accepted = accepted;
    this.#owner = owner;
    this.#options = options;
    this.#startedMs = options.clock.now();
    // Where there need not be one, a version that is not allowed is payload like any other.
    const wanted = VERSIONS.filter((version) => !disallowedVersions.includes(version));
    this.#reader = new HeaderReader(allowWithout ? wanted : VERSIONS);
    this.#take = contained(owner, (bytes: Buffer) => this.#onData(bytes));
    this.#end = contained(owner, () => this.#fail(true));
  }

  start(): void {
    const { clock, timeoutMs } = this.#options;
    const { socket } = this.#accepted;
    const late = contained(this.#owner, () => this.#onTimeout());
    if (timeoutMs > 0) this.#timer = clock.after(timeoutMs, () => late());
    this.#accepted.fresh = false;
    socket.on("data", this.#take);
    socket.on("end", this.#end);
    socket.on("error", this.#end);
    socket.resume();
  }

  destroy(): void {
    this.#settle();
    this.#accepted.socket.destroy();
  }

  #onData(bytes: Buffer): void {
    const { filter, stats } = this.#options;
    const { version } = this.#reader;
    switch (this.#reader.read(bytes)) {
      case "more":
        return;
      case "found":
        this.#found(bytes.subarray(this.#reader.end));
        return;
      case "malformed":
        stats.count(this.#reader.version ?? version ?? "v1", "error");
        this.#fail(false);
        return;
      case "none":
        stats.absent(filter.allowWithout);
        if (filter.allowWithout) this.#passOn(bytes.subarray(this.#reader.end));
        else this.#fail(false);
    }
  }

  #found(rest: Buffer): void {
    const { filter, stats } = this.#options;
    const { addresses, version = "v1" } = this.#reader;
    stats.count(version, "found");
    if (filter.disallowedVersions.includes(version)) {
      stats.count(version, "disallowed");
      this.#fail(false);
      return;
    }
    if (addresses !== undefined) believe(this.#accepted, addresses);
    this.#settle();
    this.#owner.onHeader(rest);
  }

  /** What was taken for the beginning of a header is payload. */
  #passOn(rest: Buffer): void {
    this.#settle();
    this.#owner.onHeader(Buffer.concat([this.#reader.kept, rest]));
  }

  #onTimeout(): void {
    if (this.#owner.onHeaderTimeout() && !this.#reader.hasLeft) this.#passOn(Buffer.alloc(0));
    else this.destroy();
  }

  #fail(gone: boolean): void {
    this.destroy();
    this.#owner.onHeaderFailed(gone);
  }

  #settle(): void {
    const { socket } = this.#accepted;
    this.#timer?.cancel();
    this.#accepted.inspectedMs = this.#options.clock.now() - this.#startedMs;
    socket.removeListener("data", this.#take);
    socket.removeListener("end", this.#end);
    socket.removeListener("error", this.#end);
  }
}

function believe(accepted: Accepted, addresses: ProxiedAddresses): void {
  const { destinationIp, destinationPort, sourceIp, sourcePort } = addresses;
  accepted.proxied(
    socketAddress(plainIp(formatIp(sourceIp)), sourcePort),
    socketAddress(plainIp(formatIp(destinationIp)), destinationPort),
  );
}
