// hot path: no allocation per request
import { parseIp } from "../../base/ip-address.ts";
import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { CidrRange, HttpConnectionManager } from "../../model/listener.ts";
import { Ranges } from "../listener/match/ranges.ts";

/**
 * Whose `x-envoy-…` headers are believed (Envoy: `internal_address_config`): those of clients in
 * these ranges that come directly, or whose one address stands in `x-forwarded-for`.
 */
export class InternalClients {
  readonly #ranges: Ranges;
  readonly #trustsPeer: boolean;
  readonly #hops: number;

  /** Throws where an address is none. */
  constructor(
    ranges: readonly CidrRange[],
    { useRemoteAddress, xffNumTrustedHops }: HttpConnectionManager,
  ) {
    this.#ranges = new Ranges(ranges);
    this.#trustsPeer = useRemoteAddress;
    this.#hops = xffNumTrustedHops;
  }

  /** `remoteIp`: the connection's. Asked before anything is added to the headers. */
  include(headers: HeaderTable, remoteIp: string): boolean {
    const index = headers.find(ID["x-forwarded-for"]);
    if (this.#trustsPeer) return index < 0 && this.#hold(remoteIp);
    if (index < 0 || this.#hops > 0) return false;
    // Several addresses or lines are of a request that came through others.
    const alone = headers.find(ID["x-forwarded-for"], index + 1) < 0;
    return alone && this.#hold(headers.value(index).trim());
  }

  #hold(ip: string): boolean {
    return this.#ranges.rank(parseIp(ip)) > 0;
  }
}
