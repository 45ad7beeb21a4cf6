import type { ReadStream, WriteStream } from "node:tty";
import type { Clock, Timer } from "../../base/clock.ts";
import { paint, type Sheet, tableLines } from "./layout.ts";
import type { TableRow } from "./rows.ts";

export interface LiveTableOptions {
  readonly input: ReadStream;
  readonly output: WriteStream;
  readonly colour: boolean;
  readonly clock: Clock;
  /** Above the table. */
  readonly title: () => string;
  /** Below the table: URLs and the like. */
  readonly notes: readonly string[];
  /** Newest rows; asked once a refresh. */
  readonly rows: (withInstances: boolean) => Promise<readonly TableRow[]>;
  readonly onQuit: () => void;
}

const REFRESH_MS = 1000;
const CTRL_C = "\u0003";
const MESSAGES_MAX = 8;

/** The table in the terminal, redrawn in place once a second. */
export class LiveTable {
  readonly #options: LiveTableOptions;
  #withInstances = false;
  #messages: string[] = [];
  #drawn = 0;
  #rows: readonly TableRow[] = [];
  #timer: Timer | undefined;
  #stopped = false;
  readonly #onKey = (key: Buffer): void => this.#press(key.toString());

  constructor(options: LiveTableOptions) {
    this.#options = options;
  }

  start(): void {
    const { input } = this.#options;
    if (input.isTTY) {
      input.setRawMode(true);
      input.on("data", this.#onKey);
      input.resume();
    }
    void this.#refresh();
  }

  /** Takes the table away and gives the terminal back. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    const { input, output } = this.#options;
    if (this.#drawn > 0) output.write(`\r\u001b[${this.#drawn}A\u001b[J`);
    if (!input.isTTY) return;
    input.off("data", this.#onKey);
    input.setRawMode(false);
    input.pause();
  }

  /** A line for the user, shown below the table; the last few stay. */
  say(line: string): void {
    this.#messages = [...this.#messages, ...line.split("\n")].slice(-MESSAGES_MAX);
    if (this.#drawn > 0) this.#draw();
  }

  #press(key: string): void {
    if (key === "q" || key === CTRL_C) this.#options.onQuit();
    if (key !== "i") return;
    this.#withInstances = !this.#withInstances;
    void this.#update();
  }

  async #refresh(): Promise<void> {
    await this.#update();
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(REFRESH_MS, () => void this.#refresh());
  }

  async #update(): Promise<void> {
    this.#rows = await this.#options.rows(this.#withInstances);
    if (!this.#stopped) this.#draw();
  }

  #draw(): void {
    const { output, title, notes, colour } = this.#options;
    const sheet: Sheet = { columns: output.columns ?? 80, colour };
    const keys = `${this.#withInstances ? "i hides" : "i shows"} instances · q quits`;
    const lines = [
      "",
      ` ${paint(title(), "bold", sheet)}`,
      "",
      ...tableLines(this.#rows, sheet),
      "",
      ...notes.map((note) => ` ${note}`),
      ` ${paint(keys, "dim", sheet)}`,
      ...this.#messages.map((message) => ` ${message}`),
    ].slice(0, Math.max(4, (output.rows ?? 24) - 1));
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : "";
    // Each line is cleared to its end, then everything below: nothing of the last one stays.
    const body = lines.map((line) => `${cut(line, sheet)}\u001b[K\n`).join("");
    output.write(`\r${up}${body}\u001b[J`);
    this.#drawn = lines.length;
  }
}

/** Notes and messages may be wider than the terminal, and a wrapped line would move the table. */
function cut(line: string, { columns }: Sheet): string {
  return line.includes("\u001b") || line.length <= columns
    ? line
    : `${line.slice(0, columns - 1)}…`;
}
