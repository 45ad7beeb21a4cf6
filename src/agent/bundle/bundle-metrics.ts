import { add } from "../../metrics/cells.ts";
import { counter, gauge } from "../../metrics/column.ts";
import type { Registry } from "../../metrics/registry.ts";

const COLUMNS = [
  gauge(
    "outrigger_agent_bundle_connected",
    "1 while the control plane's trust bundle is followed.",
  ),
  counter("outrigger_agent_bundle_updates_total", "Trust bundles that were taken."),
  counter("outrigger_agent_bundle_refusals_total", "Trust bundles that were not taken."),
  counter("outrigger_agent_bundle_disconnects_total", "Streams of trust bundles that ended."),
  gauge("outrigger_agent_revoked_certificates", "Certificates on the lists that are in use."),
];
const CONNECTED = 0;
const UPDATES = 1;
const REFUSALS = 2;
const DISCONNECTS = 3;
const REVOKED = 4;

export class BundleMetrics {
  readonly #cells: Float64Array;

  constructor(registry: Registry) {
    const table = { name: "agent_bundle", columns: COLUMNS, labelNames: [], rowsMax: 1 };
    this.#cells = registry.table(table).row([]).cells;
  }

  connected(is: boolean): void {
    this.#cells[CONNECTED] = is ? 1 : 0;
  }

  taken(revoked: number): void {
    add(this.#cells, UPDATES, 1);
    this.#cells[REVOKED] = revoked;
  }

  refused(): void {
    add(this.#cells, REFUSALS, 1);
  }

  lost(): void {
    add(this.#cells, DISCONNECTS, 1);
  }
}
