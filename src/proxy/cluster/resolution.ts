import type { Timer } from "../../base/clock.ts";
import type { Endpoint } from "../../model/endpoint.ts";
import type { ClusterStats } from "../telemetry/envoy/cluster-stats.ts";
import type { ProxyContext } from "./upstream-cluster.ts";

/** A name's addresses; rejects where there are none. */
export type Resolve = (name: string) => Promise<readonly string[]>;

export interface ResolutionOptions {
  readonly everyMs: number;
  /** LOGICAL_DNS: only the first address counts. */
  readonly firstOnly: boolean;
  readonly context: ProxyContext;
  readonly stats: ClusterStats;
  readonly onEndpoints: (endpoints: readonly Endpoint[]) => void;
}

const IP = /^[0-9.]+$|:/;

/** Asks for the addresses of a DNS cluster's names again and again. A failure keeps the last. */
export class Resolution {
  readonly #options: ResolutionOptions;
  readonly #answers: (readonly Endpoint[])[];
  #timer: Timer | undefined;
  #stopped = false;

  constructor(endpoints: readonly Endpoint[], options: ResolutionOptions) {
    this.#options = options;
    this.#answers = endpoints.map(() => []);
    this.#askContained(endpoints);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #ask(endpoints: readonly Endpoint[]): Promise<void> {
    await Promise.all(endpoints.map((endpoint, index) => this.#askOne(endpoint, index)));
    if (this.#stopped) return;
    this.#options.onEndpoints(this.#answers.flat());
    this.#timer = this.#options.context.clock.after(this.#options.everyMs, () => {
      this.#askContained(endpoints);
    });
  }

  #askContained(endpoints: readonly Endpoint[]): void {
    this.#ask(endpoints).catch((error: unknown) => this.#options.context.faults.report(error));
  }

  async #askOne(endpoint: Endpoint, index: number): Promise<void> {
    const { address } = endpoint;
    if (address.kind === "pipe" || IP.test(address.host)) {
      this.#answers[index] = [endpoint];
      return;
    }
    const { context, firstOnly, stats } = this.#options;
    stats.count("update_attempt");
    try {
      const found = await context.resolve(address.host);
      const addresses = firstOnly ? found.slice(0, 1) : [...new Set(found)];
      stats.count(addresses.length === 0 ? "update_empty" : "update_success");
      this.#answers[index] = addresses.map((host) => ({
        ...endpoint,
        address: { kind: "socket", host, port: address.port },
        hostname: endpoint.hostname === "" ? address.host : endpoint.hostname,
      }));
    } catch {
      stats.count("update_failure");
    }
  }
}
