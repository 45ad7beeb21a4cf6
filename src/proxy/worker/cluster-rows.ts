import { formatAddress } from "../../model/address.ts";
import type { Bootstrap, ProxyConfig } from "../../model/bootstrap.ts";
import type { ClusterRow, EndpointRow } from "../admin/admin-source.ts";
import { clusterRow } from "../admin/proxy-source.ts";
import type { OutliersView } from "../outlier/shared/shared-outliers.ts";
import type { EndpointRows } from "./message.ts";

/** Several workers' endpoints of each cluster as one list; what they count is added up. */
export class ClusterRows {
  readonly #byCluster = new Map<string, Map<string, EndpointRow>>();
  readonly #outliers: { of(cluster: string): OutliersView | undefined };

  /** `outliers`: what the main thread knows of them. */
  constructor(outliers: { of(cluster: string): OutliersView | undefined }) {
    this.#outliers = outliers;
  }

  add({ cluster, endpoints }: EndpointRows): void {
    let rows = this.#byCluster.get(cluster);
    if (rows === undefined) {
      rows = new Map();
      this.#byCluster.set(cluster, rows);
    }
    for (const row of endpoints) {
      const key = formatAddress(row.address);
      const known = rows.get(key);
      rows.set(key, known === undefined ? row : sum(known, row));
    }
  }

  /** Of all clusters of a configuration. */
  rows({ clusters }: ProxyConfig, bootstrap: Bootstrap): readonly ClusterRow[] {
    const own = new Set(bootstrap.clusters.map(({ name }) => name));
    return clusters.map((config) => {
      const endpoints = this.#byCluster.get(config.name);
      const rows = endpoints === undefined ? [] : [...endpoints.values()];
      const view = this.#outliers.of(config.name);
      return clusterRow(
        config,
        view?.thresholds,
        rows.map((row) => rated(row, view)),
        own,
      );
    });
  }
}

function rated(row: EndpointRow, outliers: OutliersView | undefined): EndpointRow {
  const rates = outliers?.ratesOf(formatAddress(row.address));
  return rates === undefined ? row : { ...row, rates };
}

function sum(one: EndpointRow, other: EndpointRow): EndpointRow {
  const stats: Partial<Record<keyof EndpointRow["stats"], number>> = { ...one.stats };
  for (const key of Object.keys(other.stats) as (keyof EndpointRow["stats"])[]) {
    stats[key] = (stats[key] ?? 0) + (other.stats[key] ?? 0);
  }
  const shut = one.shut === true || other.shut === true;
  return { ...one, ...(shut ? { shut } : {}), stats };
}
