import { add } from "../../../metrics/cells.ts";
import type { Row } from "../../../metrics/row.ts";
import type { Table } from "../../../metrics/table.ts";
import { type ColumnSet, envoyColumns } from "./columns.ts";

/** Envoy: configuration/upstream/cluster_manager/cluster_stats, health check statistics. */
type HealthCheckStat =
  | "health_check.attempt"
  | "health_check.success"
  | "health_check.failure"
  | "health_check.passive_failure"
  | "health_check.network_failure"
  | "health_check.verify_cluster"
  | "health_check.healthy"
  | "health_check.degraded";

/** Only for clusters that are checked. */
export const HEALTH_CHECK: ColumnSet<HealthCheckStat> = envoyColumns("cluster", {
  "health_check.attempt": ["counter", "Health checks."],
  "health_check.success": ["counter", "Health checks that the host passed."],
  "health_check.failure": ["counter", "Health checks that the host failed."],
  "health_check.passive_failure": ["counter", "Failures that responses told of; never any."],
  "health_check.network_failure": ["counter", "Health checks without an answer."],
  "health_check.verify_cluster": ["counter", "Checks of the cluster's name; never any."],
  "health_check.healthy": ["gauge", "Healthy hosts.", "max"],
  "health_check.degraded": ["gauge", "Degraded hosts.", "max"],
});

/** Envoy's statistics of one cluster's active health checks. */
export class HealthCheckStats {
  readonly #table: Table;
  readonly #row: Row;

  constructor(table: Table, cluster: string) {
    this.#table = table;
    this.#row = table.row([cluster]);
  }

  count(stat: "attempt" | "success" | "failure" | "network_failure"): void {
    add(this.#row.cells, HEALTH_CHECK.at[`health_check.${stat}`], 1);
  }

  /** So many hosts more are healthy. */
  healthyHosts(difference: number): void {
    add(this.#row.cells, HEALTH_CHECK.at["health_check.healthy"], difference);
  }

  /** So many hosts more are healthy, and would rather not be asked. */
  degradedHosts(difference: number): void {
    add(this.#row.cells, HEALTH_CHECK.at["health_check.degraded"], difference);
  }

  remove(): void {
    this.#table.remove(this.#row);
  }
}
