import { add } from "../../metrics/cells.ts";
import { counter, gauge } from "../../metrics/column.ts";
import type { Registry } from "../../metrics/registry.ts";

const COLUMNS = [
  gauge("outrigger_agent_sds_streams", "Streams on which Envoys ask for secrets."),
  counter("outrigger_agent_sds_pushes_total", "Secrets that were sent."),
  counter("outrigger_agent_sds_rejections_total", "Answers that an Envoy refused."),
  counter(
    "outrigger_agent_sds_unknown_names_total",
    "Names that were asked for and that nobody has.",
  ),
];
const STREAMS = 0;
const PUSHES = 1;
const REJECTIONS = 2;
const UNKNOWN = 3;

export class SdsMetrics {
  readonly #cells: Float64Array;

  constructor(registry: Registry) {
    const options = { name: "agent_sds", columns: COLUMNS, labelNames: [], rowsMax: 1 };
    this.#cells = registry.table(options).row([]).cells;
  }

  opened(): void {
    add(this.#cells, STREAMS, 1);
  }

  closed(): void {
    add(this.#cells, STREAMS, -1);
  }

  pushed(secrets: number): void {
    add(this.#cells, PUSHES, secrets);
  }

  rejected(): void {
    add(this.#cells, REJECTIONS, 1);
  }

  unknown(names: number): void {
    add(this.#cells, UNKNOWN, names);
  }
}
