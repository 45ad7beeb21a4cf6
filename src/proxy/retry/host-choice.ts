// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { Address } from "../../model/address.ts";
import type { HashSource, RequestHash } from "../affinity/request-hash.ts";
import { drawHash } from "../affinity/text-hash.ts";
import { Hash64 } from "../balance/hash/hash64.ts";
import type { Host } from "../cluster/host.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { RequestHead } from "../route/request-head.ts";
import type { CompiledRetry } from "./compiled-retry.ts";

/** Of the request that is being balanced: a pick is over before the next begins. */
const drawn = new Hash64();

/** Which host each attempt of a request goes to. */
export class HostChoice {
  /** The address of the host that the client's session keeps to; empty: none. */
  #session = "";
  /** It keeps to no other. */
  #strict = false;
  readonly #random: Random;
  readonly #tried: Host[] = [];
  /** Made for the first request that has one. */
  #hash: Hash64 | undefined;
  #hashed = false;
  /** Cookies that were made for the hash, as the client shall get them. */
  #cookies: string[] | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  reset(): void {
    this.#session = "";
    this.#tried.length = 0;
    this.#hashed = false;
    if (this.#cookies !== undefined) this.#cookies.length = 0;
  }

  /** Takes what the request is balanced by, as the route has made it. */
  admit(
    hash: RequestHash | undefined,
    cluster: UpstreamCluster,
    request: RequestHead,
    source: HashSource,
  ): void {
    if (hash === undefined || !cluster.choosesByHash) return;
    this.#hash ??= new Hash64();
    this.#cookies ??= [];
    this.#hashed = hash.of(request, source, this.#hash, this.#cookies);
  }

  /** The first attempt goes to the host of this address, where it can; empty: to any. */
  keepTo(address: string, strict: boolean): void {
    this.#session = address;
    this.#strict = strict;
  }

  /** Hands the client its new cookies. */
  setCookies(headers: HeaderTable): void {
    const cookies = this.#cookies;
    if (cookies === undefined) return;
    for (let i = 0; i < cookies.length; i++)
      headers.add(ID["set-cookie"], "set-cookie", cookies[i] as string);
  }

  /**
   * A retry avoids hosts that were tried, as often as the policy says, then takes what comes
   * (Envoy: `previous_hosts`). Undefined where the cluster has no host.
   */
  next(
    cluster: UpstreamCluster,
    destination: Address | undefined,
    retry: CompiledRetry | undefined,
  ): Host | undefined {
    if (this.#session !== "") {
      const kept = cluster.pickForSession(this.#session);
      this.#session = "";
      if (kept !== undefined) this.#tried.push(kept);
      if (kept !== undefined || this.#strict) return kept;
    }
    if (cluster.config.discovery === "originalDst") {
      return destination === undefined ? undefined : cluster.pickAddress(destination);
    }
    const own = this.#hashed ? this.#hash : undefined;
    const hash = own ?? drawn;
    if (own === undefined && cluster.choosesByHash) drawHash(hash, this.#random);
    let host = cluster.pick(hash, 0);
    if (retry === undefined || !retry.avoidPreviousHosts || host === undefined) return host;
    for (let attempt = 1; attempt <= retry.hostSelectionAttempts; attempt++) {
      if (host === undefined || !this.#tried.includes(host)) break;
      host = cluster.pick(hash, attempt);
    }
    if (host !== undefined && !this.#tried.includes(host)) this.#tried.push(host);
    return host;
  }
}
