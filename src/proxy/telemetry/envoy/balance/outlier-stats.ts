import { add } from "../../../../metrics/cells.ts";
import { type Column, counter, gauge } from "../../../../metrics/column.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Row } from "../../../../metrics/row.ts";
import type { Table } from "../../../../metrics/table.ts";
import type { EjectionKind } from "../../../outlier/ejection-kind.ts";
import { type ColumnSet, envoyColumns } from "../columns.ts";

type OutlierStat =
  | "outlier_detection.ejections_active"
  | "outlier_detection.ejections_overflow"
  | "outlier_detection.ejections_enforced_total"
  | `outlier_detection.ejections_detected_${EjectionKind}`
  | `outlier_detection.ejections_enforced_${EjectionKind}`
  | "outlier_detection.ejections_detected_degradation"
  | "outlier_detection.ejections_total"
  | "outlier_detection.ejections_consecutive_5xx"
  | "outlier_detection.ejections_success_rate";

/**
 * Envoy: configuration/upstream/cluster_manager/cluster_stats, outlier detection statistics; only
 * for clusters that have it. The last three are Envoy's deprecated ones.
 */
export const OUTLIER: ColumnSet<OutlierStat> = envoyColumns("cluster", {
  "outlier_detection.ejections_active": ["gauge", "Hosts that are ejected."],
  "outlier_detection.ejections_overflow": ["counter", "Ejections that max_ejection_percent kept."],
  "outlier_detection.ejections_enforced_total": ["counter", "Ejections, whatever the reason."],
  "outlier_detection.ejections_detected_consecutive_5xx": [
    "counter",
    "Detected: 5xx in a row, ejected or not.",
  ],
  "outlier_detection.ejections_enforced_consecutive_5xx": ["counter", "Ejected: 5xx in a row."],
  "outlier_detection.ejections_detected_consecutive_gateway_failure": [
    "counter",
    "Detected: 502, 503 and 504 in a row.",
  ],
  "outlier_detection.ejections_enforced_consecutive_gateway_failure": [
    "counter",
    "Ejected: 502, 503 and 504 in a row.",
  ],
  "outlier_detection.ejections_detected_consecutive_local_origin_failure": [
    "counter",
    "Detected: not reached, times in a row.",
  ],
  "outlier_detection.ejections_enforced_consecutive_local_origin_failure": [
    "counter",
    "Ejected: not reached, times in a row.",
  ],
  "outlier_detection.ejections_detected_success_rate": ["counter", "Detected: success rate."],
  "outlier_detection.ejections_enforced_success_rate": ["counter", "Ejected: success rate."],
  "outlier_detection.ejections_detected_failure_percentage": [
    "counter",
    "Detected: percentage of failures.",
  ],
  "outlier_detection.ejections_enforced_failure_percentage": [
    "counter",
    "Ejected: percentage of failures.",
  ],
  "outlier_detection.ejections_detected_local_origin_success_rate": [
    "counter",
    "Detected: success rate of reaching it.",
  ],
  "outlier_detection.ejections_enforced_local_origin_success_rate": [
    "counter",
    "Ejected: success rate of reaching it.",
  ],
  "outlier_detection.ejections_detected_local_origin_failure_percentage": [
    "counter",
    "Detected: percentage of failures to reach it.",
  ],
  "outlier_detection.ejections_enforced_local_origin_failure_percentage": [
    "counter",
    "Ejected: percentage of failures to reach it.",
  ],
  "outlier_detection.ejections_detected_degradation": ["counter", "Detected: degraded; never any."],
  "outlier_detection.ejections_total": ["counter", "Ejections by 5xx in a row or success rate."],
  "outlier_detection.ejections_consecutive_5xx": ["counter", "Detected: 5xx in a row."],
  "outlier_detection.ejections_success_rate": ["counter", "Detected: any success rate."],
});

const TRANSITIONS = 0;
const LAST_AT = 1;

/** Ejections that are over before anybody looks are not lost. */
const TRANSITION_COLUMNS: readonly Column[] = [
  counter("outrigger_outlier_transitions_total", "Hosts that were ejected or came back."),
  gauge(
    "outrigger_outlier_last_transition_timestamp_seconds",
    "When a host was last ejected or came back.",
    undefined,
    "max",
  ),
];

/** What has become of a host. */
export type OutlierTransition = "ejected" | "returned";

export interface OutlierTables {
  readonly outlier: Table;
  readonly transitions: Table;
}

export function transitionsTable(registry: Registry, rowsMax: number): Table {
  return registry.table({
    name: "outlier_transitions",
    columns: TRANSITION_COLUMNS,
    labelNames: ["cluster", "to"],
    rowsMax,
  });
}

/** Statistics of one cluster's outlier detection. */
export class OutlierStats {
  readonly #tables: OutlierTables;
  readonly #row: Row;
  readonly #transitions: Readonly<Record<OutlierTransition, Row>>;

  constructor(tables: OutlierTables, cluster: string) {
    this.#tables = tables;
    this.#row = tables.outlier.row([cluster]);
    this.#transitions = {
      ejected: tables.transitions.row([cluster, "ejected"]),
      returned: tables.transitions.row([cluster, "returned"]),
    };
  }

  countDetected(kind: EjectionKind): void {
    this.#count(`outlier_detection.ejections_detected_${kind}`);
    if (kind === "consecutive_5xx") this.#count("outlier_detection.ejections_consecutive_5xx");
    if (kind.endsWith("success_rate")) this.#count("outlier_detection.ejections_success_rate");
  }

  /** `max_ejection_percent` is no obstacle. */
  countEjectable(kind: EjectionKind): void {
    if (kind === "consecutive_5xx" || kind === "success_rate") {
      this.#count("outlier_detection.ejections_total");
    }
  }

  countOverflow(): void {
    this.#count("outlier_detection.ejections_overflow");
  }

  countEnforced(kind: EjectionKind, wallMs: number): void {
    this.#count("outlier_detection.ejections_enforced_total");
    this.#count(`outlier_detection.ejections_enforced_${kind}`);
    this.#note("ejected", wallMs);
  }

  countReturned(wallMs: number): void {
    this.#note("returned", wallMs);
  }

  /** So many more are out. */
  active(difference: number): void {
    add(this.#row.cells, OUTLIER.at["outlier_detection.ejections_active"], difference);
  }

  remove(): void {
    this.#tables.outlier.remove(this.#row);
    this.#tables.transitions.remove(this.#transitions.ejected);
    this.#tables.transitions.remove(this.#transitions.returned);
  }

  #count(stat: OutlierStat): void {
    add(this.#row.cells, OUTLIER.at[stat], 1);
  }

  #note(transition: OutlierTransition, wallMs: number): void {
    const { cells } = this.#transitions[transition];
    add(cells, TRANSITIONS, 1);
    cells[LAST_AT] = wallMs / 1000;
  }
}
