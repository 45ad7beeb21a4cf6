import { add } from "../../metrics/cells.ts";
import { type Column, counter } from "../../metrics/column.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { OverloadConfig } from "../../model/overload/overload.ts";
import { envoyColumn } from "../telemetry/envoy/columns.ts";

/** Envoy's name of the bound on connections. */
const CONNECTIONS = "envoy.resource_monitors.global_downstream_max_connections";

const NO_CELLS = new Float64Array(0);

/** Envoy's `overload.*` (configuration/overload_manager), and what descriptors refused. */
export class OverloadStats {
  readonly #at = new Map<string, number>();
  readonly #cells: Float64Array;
  readonly #refused: Float64Array;

  constructor(registry: Registry, config: OverloadConfig) {
    const columns = new Map<string, Column>();
    // What nobody has configured Envoy would not have.
    const own = config.monitors.some(({ kind }) => kind === "memory");
    const define = (kind: "counter" | "gauge", stat: string, help: string): void => {
      // What all workers say of the process is one thing, so their numbers are not added up.
      const envoys = envoyColumn(kind, "overload", stat, help, "max");
      const ending = kind === "counter" ? "_total" : "";
      const name = `${envoys.name.replace(/^envoy/, "outrigger")}${ending}`;
      const column = own ? { ...envoys, name } : envoys;
      if (!columns.has(column.name)) columns.set(column.name, column);
      this.#at.set(stat, [...columns.keys()].indexOf(column.name));
    };
    for (const { name } of config.monitors) {
      define("gauge", `${name}.pressure`, "Percent of the resource that is used.");
      define("counter", `${name}.failed_updates`, "Times that the resource could not be read.");
      define("counter", `${name}.skipped_updates`, "Times that a reading came late; never any.");
    }
    if (config.maxDownstreamConnections !== undefined) {
      define("gauge", `${CONNECTIONS}.pressure`, "Percent of the connections that are open.");
      define("counter", `${CONNECTIONS}.failed_updates`, "Never any.");
    }
    for (const { name } of config.actions) {
      const action = `envoy.overload_actions.${name}`;
      define("gauge", `${action}.active`, "1 while the action is saturated.");
      define("gauge", `${action}.scale_percent`, "How strong the action is.");
    }
    this.#cells = columns.size === 0 ? NO_CELLS : cellsOf(registry, [...columns.values()]);
    this.#refused = registry
      .table({
        name: "descriptors",
        columns: [
          counter(
            "outrigger_descriptors_refused_total",
            "Connections that were not taken or made, to leave descriptors to the admin server.",
          ),
        ],
        labelNames: [],
        rowsMax: 1,
      })
      .row([]).cells;
  }

  pressure(monitor: string, share: number): void {
    this.#set(`${monitor}.pressure`, Math.floor(share * 100));
  }

  failed(monitor: string): void {
    const cell = this.#at.get(`${monitor}.failed_updates`);
    if (cell !== undefined) add(this.#cells, cell, 1);
  }

  connections(share: number): void {
    this.pressure(CONNECTIONS, share);
  }

  action(name: string, strength: number): void {
    this.#set(`envoy.overload_actions.${name}.active`, strength >= 1 ? 1 : 0);
    this.#set(`envoy.overload_actions.${name}.scale_percent`, Math.floor(strength * 100));
  }

  /** A connection was given up for want of descriptors. */
  refused(): void {
    add(this.#refused, 0, 1);
  }

  #set(stat: string, value: number): void {
    const cell = this.#at.get(stat);
    if (cell !== undefined) this.#cells[cell] = value;
  }
}

function cellsOf(registry: Registry, columns: readonly Column[]): Float64Array {
  const table = registry.table({
    name: "overload",
    columns,
    labelNames: [],
    rowsMax: 1,
    statName: ({ stat }) => `overload.${stat}`,
  });
  return table.row([]).cells;
}
