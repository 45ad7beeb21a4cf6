import type { SplitRow } from "../../api/mesh.ts";
import { formatDuration } from "../../base/duration.ts";
import type { Pod } from "../../model/mesh.ts";
import { paint, type Sheet, tableLines } from "./layout.ts";
import { type TableRow, tableRows } from "./rows.ts";
import { Traffic } from "./traffic.ts";

export interface MeshViewOptions {
  readonly mode: string;
  readonly pods: () => readonly Pod[];
  readonly splits: () => readonly SplitRow[];
  /** Milliseconds; never goes back. */
  readonly now: () => number;
}

const WINDOW_MS = 10_000;

/** The mesh's traffic as rows and words: live over the last seconds, or over the whole run. */
export class MeshView {
  readonly #options: MeshViewOptions;
  readonly #traffic: Traffic;
  #startedAt: number | undefined;

  constructor(options: MeshViewOptions) {
    this.#options = options;
    this.#traffic = new Traffic(options.now);
  }

  /** The first scrape is where measuring begins. */
  scrape(): Promise<void> {
    this.#startedAt ??= this.#options.now();
    return this.#traffic.scrape(this.#options.pods());
  }

  async liveRows(withInstances: boolean): Promise<readonly TableRow[]> {
    await this.scrape();
    const { pods, splits } = this.#options;
    return tableRows(pods(), this.#traffic.recent(WINDOW_MS), splits(), withInstances);
  }

  title(): string {
    const { mode, pods } = this.#options;
    const ready = pods().filter((pod) => pod.ready).length;
    const all = pods().length;
    const pod = all === 1 ? "pod" : "pods";
    const count = ready === all ? `${ready} ${pod}` : `${ready} of ${all} ${pod}`;
    return `outrigger · ${count} ready · ${mode} mode · ${this.#age()}`;
  }

  /** The table of the whole run. */
  async summary(sheet: Sheet): Promise<string> {
    await this.scrape();
    const { pods, splits } = this.#options;
    const rows = tableRows(pods(), this.#traffic.all(), splits(), false);
    const lines = [` ${paint(this.title(), "bold", sheet)}`, "", ...tableLines(rows, sheet)];
    return `${lines.join("\n")}\n`;
  }

  #age(): string {
    const now = this.#options.now();
    const seconds = Math.round((now - (this.#startedAt ?? now)) / 1000);
    return formatDuration(seconds * 1000);
  }
}
