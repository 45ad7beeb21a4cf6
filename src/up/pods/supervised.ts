import { Writable } from "node:stream";
import type { Clock, Timer } from "../../base/clock.ts";
import { formatDuration } from "../../base/duration.ts";
import type { Place, Program, Running } from "../fabric/fabric.ts";

const FIRST_DELAY_MS = 250;
const LAST_DELAY_MS = 10_000;
/** Who ran this long has recovered: the next delay is the first again. */
const RECOVERED_MS = 30_000;
const LAST_WORDS_BYTES = 2000;

export interface SupervisedOptions {
  /** As the user knows it: `default/reviews-v1-…: sidecar`. */
  readonly title: string;
  readonly place: Place;
  readonly program: Program;
  /**
   * Made anew for each start: texts by the descriptors to which they are written, whole. 0 is
   * standard input.
   */
  readonly inputs?: () => ReadonlyMap<number, string>;
  /** Hears what it prints, as it comes. */
  readonly onOutput?: (text: string) => void;
  readonly clock: Clock;
  readonly say: (line: string) => void;
}

/** A process that is started again, with growing pauses, whenever it ends. */
export class Supervised {
  readonly #options: SupervisedOptions;
  #running: Running | undefined;
  #pending: Timer | undefined;
  #delayMs = FIRST_DELAY_MS;
  #startedAt = 0;
  #stopped = false;
  #lastWords = "";
  /** What was shown at the last end: the same words are not shown twice. */
  #said = "";
  #ended: () => void = () => {};

  constructor(options: SupervisedOptions) {
    this.#options = options;
    this.#start();
  }

  /** The end of what it last wrote on its standard error, for a message. */
  get lastWords(): string {
    return this.#lastWords.trim();
  }

  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  /** Sends SIGTERM and resolves when it has ended, or when `graceMs` has passed. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#pending?.cancel();
    const running = this.#running;
    if (running === undefined || running.child.exitCode !== null || graceMs === 0) return;
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
      this.#options.clock.after(graceMs, resolve);
      running.signal("SIGTERM");
    });
  }

  #start(): void {
    const { place, program, inputs, clock, onOutput } = this.#options;
    this.#startedAt = clock.now();
    const running = place.start(program);
    this.#running = running;
    for (const [descriptor, text] of inputs?.() ?? []) {
      const pipe = running.child.stdio[descriptor];
      // Who ends before it has read all of it is told of by its end.
      pipe?.on("error", () => {});
      if (pipe instanceof Writable) pipe.end(text);
    }
    running.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_BYTES);
      onOutput?.(text);
    });
    running.child.stdout?.setEncoding("utf8").on("data", (text: string) => onOutput?.(text));
    running.child.once("error", (error) => this.#onEnd(error.message));
    running.child.once("close", (code, signal) => this.#onEnd(signal ?? `status ${code}`));
  }

  #onEnd(how: string): void {
    this.#running = undefined;
    this.#ended();
    if (this.#stopped || this.#pending !== undefined) return;
    const { clock, say, title } = this.#options;
    if (clock.now() - this.#startedAt > RECOVERED_MS) this.#delayMs = FIRST_DELAY_MS;
    const delayMs = this.#delayMs;
    const news = this.lastWords === "" || this.lastWords === this.#said ? "" : this.lastWords;
    const words = news === "" ? "" : `\n${indented(news)}`;
    say(`${title} ended (${how}), starts again in ${formatDuration(delayMs)}${words}`);
    this.#said = this.lastWords;
    this.#lastWords = "";
    this.#delayMs = Math.min(delayMs * 2, LAST_DELAY_MS);
    this.#pending = clock.after(delayMs, () => {
      this.#pending = undefined;
      this.#start();
    });
  }
}

function indented(text: string): string {
  return text.replace(/^/gm, "    ");
}
