// hot path: no allocation per request
import type { Address } from "../../model/address.ts";
import type { Host } from "../cluster/host.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { CompiledRetry } from "../route/compiled-route.ts";

/** Which host each attempt of a request goes to. */
export class HostChoice {
  readonly #tried: Host[] = [];

  reset(): void {
    this.#tried.length = 0;
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
    if (cluster.config.discovery === "originalDst") {
      return destination === undefined ? undefined : cluster.pickAddress(destination);
    }
    let host = cluster.pick();
    if (retry === undefined || !retry.avoidPreviousHosts || host === undefined) return host;
    let again = retry.hostSelectionAttempts;
    for (; again > 0 && host !== undefined && this.#tried.includes(host); again--) {
      host = cluster.pick();
    }
    if (host !== undefined) this.#tried.push(host);
    return host;
  }
}
