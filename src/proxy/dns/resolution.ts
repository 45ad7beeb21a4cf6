import type { Timer } from "../../base/clock.ts";
import { type Address, socketAddress } from "../../model/address.ts";
import type { ClusterLoadAssignment, Endpoint } from "../../model/endpoint.ts";
import type { DnsOptions } from "../../model/upstream/dns.ts";
import type { ProxyContext } from "../cluster/upstream-cluster.ts";
import type { ClusterStats } from "../telemetry/envoy/cluster-stats.ts";
import type { DnsAnswer } from "./resolver.ts";

export interface ResolutionOptions {
  readonly dns: DnsOptions;
  /** LOGICAL_DNS: all addresses of the name are ways to one endpoint. */
  readonly logical: boolean;
  readonly context: ProxyContext;
  readonly stats: ClusterStats;
  /** The assignment with addresses in the place of names. */
  readonly onAddresses: (assignment: ClusterLoadAssignment) => void;
}

const IP = /^[0-9.]+$|:/;

/**
 * Asks for the addresses of a DNS cluster's names again and again, each in its own time. Tells
 * nothing before every name has been asked once. A failure keeps what was known, and so does an
 * empty answer.
 */
export class Resolution {
  readonly #assignment: ClusterLoadAssignment;
  readonly #options: ResolutionOptions;
  readonly #names = new Map<Endpoint, NameWatch>();
  #begun = false;

  constructor(assignment: ClusterLoadAssignment, options: ResolutionOptions) {
    this.#assignment = assignment;
    this.#options = options;
    const { faults } = options.context;
    for (const { endpoints } of assignment.localities) {
      for (const endpoint of endpoints) {
        if (!isName(endpoint.address)) continue;
        this.#names.set(endpoint, new NameWatch(endpoint, options, () => this.#tell()));
      }
    }
    const first = [...this.#names.values()].map((name) => name.ask());
    Promise.all(first)
      .then(() => this.#begin())
      .catch((error: unknown) => faults.report(error));
  }

  stop(): void {
    for (const name of this.#names.values()) name.stop();
    this.#begun = false;
  }

  #begin(): void {
    const stopped = [...this.#names.values()].some((name) => name.stopped);
    if (stopped) return;
    this.#begun = true;
    this.#tell();
  }

  #tell(): void {
    if (!this.#begun) return;
    const { localities, ...rest } = this.#assignment;
    const resolved = localities.map(({ endpoints, ...locality }) => ({
      ...locality,
      endpoints: endpoints.flatMap((each) => this.#names.get(each)?.endpoints ?? [each]),
    }));
    this.#options.onAddresses({ ...rest, localities: resolved });
  }
}

function isName(address: Address): boolean {
  return address.kind === "socket" && !IP.test(address.host);
}

/** One name, and what is known of it. */
class NameWatch {
  endpoints: readonly Endpoint[] = [];
  stopped = false;
  readonly #endpoint: Endpoint;
  readonly #options: ResolutionOptions;
  readonly #onChange: () => void;
  #timer: Timer | undefined;
  #failures = 0;

  constructor(endpoint: Endpoint, options: ResolutionOptions, onChange: () => void) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#onChange = onChange;
  }

  stop(): void {
    this.stopped = true;
    this.#timer?.cancel();
  }

  async ask(): Promise<void> {
    const { address } = this.#endpoint;
    const { context, dns, stats } = this.#options;
    if (address.kind !== "socket") return;
    stats.count("update_attempt");
    let answer: DnsAnswer | undefined;
    try {
      const { family, resolvers, respectTtl: wantsTtl } = dns;
      answer = await context.resolve(address.host, { family, resolvers, wantsTtl });
    } catch {
      stats.count("update_failure");
    }
    if (this.stopped) return;
    if (answer !== undefined) this.#take(answer);
    this.#failures = answer === undefined ? this.#failures + 1 : 0;
    this.#askIn(answer === undefined ? this.#failureDelayMs() : this.#refreshMs(answer));
    this.#onChange();
  }

  #take({ addresses }: DnsAnswer): void {
    const { logical, stats } = this.#options;
    stats.count(addresses.length === 0 ? "update_empty" : "update_success");
    if (addresses.length > 0)
      this.endpoints = logical ? [this.#one(addresses)] : this.#all(addresses);
  }

  #all(addresses: readonly string[]): Endpoint[] {
    return addresses.map((host) => this.#one([host]));
  }

  /** Several addresses are several ways to the same endpoint. */
  #one([first = "", ...others]: readonly string[]): Endpoint {
    const { address, hostname, ...rest } = this.#endpoint;
    if (address.kind !== "socket") return this.#endpoint;
    const endpoint = {
      ...rest,
      address: socketAddress(first, address.port),
      hostname: hostname === "" ? address.host : hostname,
    };
    if (others.length === 0) return endpoint;
    return { ...endpoint, alternatives: others.map((host) => socketAddress(host, address.port)) };
  }

  #refreshMs({ ttlMs }: DnsAnswer): number {
    const { respectTtl, refreshRateMs } = this.#options.dns;
    return respectTtl && ttlMs !== undefined && ttlMs > 0 ? ttlMs : refreshRateMs;
  }

  /** Envoy: JitteredExponentialBackOffStrategy, a random part of what has doubled each time. */
  #failureDelayMs(): number {
    const { failureRefresh, refreshRateMs } = this.#options.dns;
    if (failureRefresh === undefined) return refreshRateMs;
    const { baseMs, maxMs } = failureRefresh;
    const most = Math.min(maxMs, baseMs * 2 ** Math.min(this.#failures, 30));
    return Math.max(1, this.#options.context.random.next() * most);
  }

  #askIn(delayMs: number): void {
    const { clock, faults } = this.#options.context;
    this.#timer = clock.after(delayMs, () => {
      this.ask().catch((error: unknown) => faults.report(error));
    });
  }
}
