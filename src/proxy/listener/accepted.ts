import type { Socket } from "node:net";
import type { Address, SocketAddress } from "../../model/address.ts";
import { formatAddress, socketAddress } from "../../model/address.ts";

/** A connection that a listener has accepted, and where it comes from and wanted to go. */
export class Accepted {
  readonly socket: Socket;
  readonly remoteIp: string;
  readonly remoteAddress: string;
  /** What the client believes to talk to: the original destination, else the local address. */
  readonly destination: Address;
  /** Only of a connection that was intercepted. */
  readonly originalDestination: SocketAddress | undefined;

  /** Nothing has been read of it yet. */
  fresh: boolean;

  constructor(socket: Socket, originalDestination: SocketAddress | undefined, fresh = true) {
    this.socket = socket;
    this.fresh = fresh;
    this.remoteIp = plainIp(socket.remoteAddress ?? "");
    this.remoteAddress = formatAddress(socketAddress(this.remoteIp, socket.remotePort ?? 0));
    this.originalDestination = originalDestination;
    this.destination =
      originalDestination ??
      socketAddress(plainIp(socket.localAddress ?? ""), socket.localPort ?? 0);
  }

  get localAddress(): string {
    return formatAddress(this.destination);
  }
}

/** `::ffff:10.0.0.1`, as a dual-stack socket says it, is `10.0.0.1`. */
export function plainIp(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
