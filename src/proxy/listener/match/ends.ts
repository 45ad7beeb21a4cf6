import { isLoopback, parseIp } from "../../../base/ip-address.ts";
import type { Address, SocketAddress } from "../../../model/address.ts";

/** What a connection says of itself before its first byte. */
export interface ConnectionAddresses {
  readonly destination: Address;
  /** By a PROXY protocol header, where there is one. */
  readonly remote: SocketAddress;
  /** The connection's other end. */
  readonly direct: SocketAddress;
}

/** Where a connection comes from and goes to, as filter chains ask; most ask nothing. */
export class Ends {
  readonly #of: ConnectionAddresses;
  #destinationIp: Uint8Array | undefined;
  #sourceIp: Uint8Array | undefined;
  #directIp: Uint8Array | undefined;

  constructor(of: ConnectionAddresses) {
    this.#of = of;
  }

  /** -1 where it came over a Unix socket. */
  get port(): number {
    const { destination } = this.#of;
    return destination.kind === "socket" ? destination.port : -1;
  }

  get sourcePort(): number {
    return this.#of.remote.port;
  }

  /** Undefined where it has none, as a Unix socket. Likewise below. */
  get destinationIp(): Uint8Array | undefined {
    const { destination } = this.#of;
    if (destination.kind === "socket") this.#destinationIp ??= parseIp(destination.host);
    return this.#destinationIp;
  }

  get sourceIp(): Uint8Array | undefined {
    this.#sourceIp ??= parseIp(this.#of.remote.host);
    return this.#sourceIp;
  }

  get directIp(): Uint8Array | undefined {
    this.#directIp ??= parseIp(this.#of.direct.host);
    return this.#directIp;
  }

  /** Envoy: Network::Utility::isSameIpOrLoopback. */
  get isLocal(): boolean {
    const { destination, remote } = this.#of;
    const { sourceIp } = this;
    if (sourceIp === undefined) return true;
    return (
      isLoopback(sourceIp) || (destination.kind === "socket" && destination.host === remote.host)
    );
  }
}
