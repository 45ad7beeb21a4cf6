import { at, observe } from "../metrics/cells.ts";
import { type Column, counter, gauge, histogram } from "../metrics/column.ts";
import { Registry } from "../metrics/registry.ts";
import type { Row } from "../metrics/row.ts";
import type { Table } from "../metrics/table.ts";
import type { ResourceType } from "../xds/order.ts";

/** As Istio writes the label `type`. */
const DISCOVERY: Readonly<Record<ResourceType, string>> = {
  cluster: "cds",
  endpoint: "eds",
  listener: "lds",
  route: "rds",
  secret: "sds",
};

/** Istio's own bounds of `pilot_proxy_convergence_time`, in seconds. */
const CONVERGENCE_BOUNDS: readonly number[] = [0.1, 0.5, 1, 3, 5, 10, 20, 30];

/** Istio's names, so that dashboards made for istiod show this control plane too. */
const GAUGES = [
  gauge("pilot_xds", "Number of proxies connected to this control plane."),
  gauge("pilot_services", "Total services known to this control plane."),
  gauge("outrigger_pods", "Pods known to this control plane."),
];
const CONFIGURATION = [
  counter("outrigger_config_reads_total", "Readings of the configuration."),
  counter(
    "outrigger_config_rejects_total",
    "Readings that had errors: the last good one was kept.",
  ),
];
const CONVERGENCE = histogram(
  "pilot_proxy_convergence_time",
  "Seconds between a change and the moment when a proxy has acknowledged it.",
  "",
  CONVERGENCE_BOUNDS,
);
const PUSHES = [
  counter("pilot_xds_pushes", "Responses sent to proxies, by resource type."),
  counter("pilot_total_xds_rejects", "Responses that proxies refused, by resource type."),
];

/** What gauges show, asked at each scrape. */
export interface GaugeSources {
  connected(): number;
  services(): number;
  pods(): number;
}

/** Everything that `/metrics` of the control plane shows. */
export class ControlMetrics {
  readonly registry: Registry = new Registry();
  readonly #configuration: Row;
  readonly #convergence: Row;
  readonly #pushes: Table;

  constructor(sources: GaugeSources) {
    const gauges = this.#only("control", GAUGES);
    this.#configuration = this.#only("config", CONFIGURATION);
    this.#convergence = this.#only("convergence", [CONVERGENCE]);
    this.#pushes = this.registry.table({
      name: "pushes",
      columns: PUSHES,
      labelNames: ["type"],
      rowsMax: 16,
    });
    this.registry.onCollect(() => {
      gauges.cells.set([sources.connected(), sources.services(), sources.pods()]);
    });
  }

  read(accepted: boolean): void {
    bump(this.#configuration, 0);
    if (!accepted) bump(this.#configuration, 1);
  }

  pushed(type: ResourceType): void {
    bump(this.#pushes.row([DISCOVERY[type]]), 0);
  }

  rejected(type: ResourceType): void {
    bump(this.#pushes.row([DISCOVERY[type]]), 1);
  }

  converged(seconds: number): void {
    observe(this.#convergence.cells, 0, CONVERGENCE_BOUNDS, seconds);
  }

  #only(name: string, columns: readonly Column[]): Row {
    return this.registry.table({ name, columns, labelNames: [], rowsMax: 1 }).row([]);
  }
}

function bump(row: Row, index: number): void {
  row.cells[index] = at(row.cells, index) + 1;
}
