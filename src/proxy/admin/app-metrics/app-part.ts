import type { Clock } from "../../../base/clock.ts";
import { counter } from "../../../metrics/column.ts";
import type { Registry } from "../../../metrics/registry.ts";
import type { Table } from "../../../metrics/table.ts";
import type { AppMetrics } from "../../../model/bootstrap.ts";
import { readExposition } from "./exposition.ts";
import { fetchMetrics } from "./fetch-metrics.ts";

const SCRAPES = counter(
  "outrigger_app_scrapes_total",
  "Scrapes of the pod's app for the sidecar's page of metrics, by what came of them.",
);
const DROPPED = counter(
  "outrigger_app_dropped_families_total",
  "Families of the app that were left out: the sidecar has metrics of the same names.",
);

/**
 * What the pod's app adds to the sidecar's page of metrics: Istio's merged metrics. The sidecar's
 * own part never depends on it. An app that does not answer in time, answers too much, or something
 * that is no page of metrics, adds nothing and is counted; a family of a name that the sidecar has
 * itself is left out.
 */
export class AppPart {
  readonly #target: AppMetrics;
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #scrapes: Table;
  readonly #dropped: Float64Array;
  #running: Promise<readonly string[]> | undefined;

  constructor(target: AppMetrics, registry: Registry, clock: Clock) {
    this.#target = target;
    this.#registry = registry;
    this.#clock = clock;
    const rowsMax = 10;
    this.#scrapes = registry.table({
      ...{ name: "app_scrapes", columns: [SCRAPES], labelNames: ["result"], rowsMax },
    });
    const dropped = registry.table({
      ...{ name: "app_families", columns: [DROPPED], labelNames: [], rowsMax: 1 },
    });
    this.#dropped = dropped.row([]).cells;
  }

  /** Its families' texts. Never rejects. Whoever asks while a scrape is under way shares it. */
  families(): Promise<readonly string[]> {
    this.#running ??= this.#scrape().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #scrape(): Promise<readonly string[]> {
    const page = await fetchMetrics(this.#target, this.#clock);
    if ("fault" in page) return this.#nothing(page.fault);
    const reading = await readExposition(page.text, turn);
    if ("fault" in reading) return this.#nothing("invalid");
    this.#count("success");
    const taken = this.#taken();
    const isTaken = (name: string): boolean => taken.has(name);
    const own = reading.families.filter(({ names }) => ![...names].some(isTaken));
    const dropped = reading.families.length - own.length;
    this.#dropped[0] = (this.#dropped[0] ?? 0) + dropped;
    return own.map(({ text }) => text);
  }

  #nothing(result: string): readonly string[] {
    this.#count(result);
    return [];
  }

  #count(result: string): void {
    const { cells } = this.#scrapes.row([result]);
    cells[0] = (cells[0] ?? 0) + 1;
  }

  /** Names of all samples that the sidecar may write. */
  #taken(): ReadonlySet<string> {
    const taken = new Set<string>();
    for (const { columns } of this.#registry.tables) {
      for (const { name, kind } of columns) {
        taken.add(name);
        if (kind !== "histogram") continue;
        for (const suffix of ["bucket", "sum", "count"]) taken.add(`${name}_${suffix}`);
      }
    }
    return taken;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
