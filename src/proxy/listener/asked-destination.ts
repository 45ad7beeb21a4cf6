import type { SocketAddress } from "../../model/address.ts";
import { socketAddress } from "../../model/address.ts";

const HTTP_PORT = 80;

/**
 * Where a request to an explicit proxy wants to go: its authority takes the place of the address
 * that an intercepted connection would have had. A name is looked up when it is dialled.
 */
export class AskedDestination {
  readonly #itself: string;
  #authority = "";
  #address: SocketAddress | undefined;

  /** `itself`: `address:port` of the proxy, which would ask itself for ever. */
  constructor(itself: string) {
    this.#itself = itself;
  }

  /** Undefined for what leads nowhere. The last answer is kept: clients ask for one host often. */
  of(authority: string): SocketAddress | undefined {
    if (authority !== this.#authority) {
      this.#authority = authority;
      this.#address = authority === this.#itself ? undefined : addressOf(authority);
    }
    return this.#address;
  }
}

/** Undefined for what is no `host:port`. */
export function addressOf(authority: string): SocketAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(authority);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? HTTP_PORT);
  return host === undefined || port === 0 || port > 65_535 ? undefined : socketAddress(host, port);
}
