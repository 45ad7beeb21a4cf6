import { parseIp } from "../../base/ip-address.ts";
import type { ProxiedAddresses } from "../../codec/proxy-protocol/header.ts";
import { writeHeader } from "../../codec/proxy-protocol/header-writer.ts";
import type { ProxyProtocolVersion } from "../../model/transport/proxy-protocol.ts";
import type { Host } from "../cluster/host.ts";

/** For whom a connection to an endpoint is. */
export interface ProxiedClient {
  /** `10.0.0.7:41522`. */
  readonly remoteAddress: string;
  /** What the client believes to talk to. */
  readonly localAddress: string;
}

/** So many clients are kept before those without connections are forgotten. */
const SWEPT_AT_MIN = 64;

/**
 * One endpoint as many hosts: each connection begins with a header that says whose it is, so each
 * client of the endpoint has connections of its own (Envoy: UpstreamProxyProtocolSocketFactory's
 * hash key).
 */
export class ProxiedHosts {
  readonly #version: ProxyProtocolVersion;
  readonly #make: (head: Buffer) => Host;
  readonly #byClient = new Map<string, Host>();
  #sweepAt = SWEPT_AT_MIN;

  /** `make`: the endpoint, once more, whose connections begin with this. */
  constructor(version: ProxyProtocolVersion, make: (head: Buffer) => Host) {
    this.#version = version;
    this.#make = make;
  }

  get connections(): number {
    let sum = 0;
    for (const host of this.#byClient.values()) sum += host.connections;
    return sum;
  }

  for(client: ProxiedClient): Host {
    const { localAddress, remoteAddress } = client;
    const key = `${remoteAddress} ${localAddress}`;
    const known = this.#byClient.get(key);
    if (known !== undefined) return known;
    const host = this.#make(writeHeader(this.#version, addressesOf(client)));
    if (this.#byClient.size >= this.#sweepAt) this.#sweep();
    this.#byClient.set(key, host);
    return host;
  }

  yieldConnection(): boolean {
    for (const host of this.#byClient.values()) if (host.yieldConnection()) return true;
    return false;
  }

  drain(): void {
    for (const host of this.#byClient.values()) host.drain();
  }

  retire(): void {
    for (const host of this.#byClient.values()) host.retire();
  }

  #sweep(): void {
    for (const [key, host] of this.#byClient) {
      if (host.connections === 0) this.#byClient.delete(key);
    }
    this.#sweepAt = Math.max(SWEPT_AT_MIN, 2 * this.#byClient.size);
  }
}

/** Undefined where one of them is no IP address, as of a Unix socket. */
function addressesOf({ localAddress, remoteAddress }: ProxiedClient): ProxiedAddresses | undefined {
  const [sourceIp, destinationIp] = [ipOf(remoteAddress), ipOf(localAddress)];
  if (sourceIp === undefined || destinationIp === undefined) return undefined;
  const sourcePort = portOf(remoteAddress);
  return { sourceIp, sourcePort, destinationIp, destinationPort: portOf(localAddress) };
}

function ipOf(address: string): Uint8Array | undefined {
  const colon = address.lastIndexOf(":");
  return colon < 0 ? undefined : parseIp(address.slice(0, colon).replaceAll(/[[\]]/g, ""));
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
