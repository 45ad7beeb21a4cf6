/** Connections that carry one request at a time: the next free one, or a new one. */
import { judgeFailure, type LoadRequest, type Outcome } from "../request.ts";
import { type Sender, TIMEOUT } from "./sender.ts";

/** One connection. */
export interface Line {
  /** False once it can carry nothing more. */
  readonly usable: boolean;
  exchange(request: LoadRequest, signal: AbortSignal): Promise<Outcome>;
  close(): void;
}

/** Fails where the connection does, and when it is given up. */
export type OpenLine = (signal: AbortSignal) => Promise<Line>;

export class LinePool implements Sender {
  readonly #open: OpenLine;
  readonly #linesMax: number;
  readonly #idle: Line[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #all = new Set<Line>();
  #busy = 0;

  constructor(open: OpenLine, linesMax: number) {
    this.#open = open;
    this.#linesMax = linesMax;
  }

  async send(request: LoadRequest, signal: AbortSignal): Promise<Outcome> {
    if (this.#busy >= this.#linesMax) await new Promise<void>((turn) => this.#waiting.push(turn));
    else this.#busy++;
    try {
      return await this.#exchange(request, signal);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }

  close(): void {
    for (const line of this.#all) line.close();
    this.#all.clear();
  }

  async #exchange(request: LoadRequest, signal: AbortSignal): Promise<Outcome> {
    if (signal.aborted) return TIMEOUT;
    let line: Line;
    try {
      line = await this.#take(signal);
    } catch (error) {
      return signal.aborted ? TIMEOUT : judgeFailure(error, false);
    }
    const outcome = await line.exchange(request, signal);
    if (line.usable) this.#idle.push(line);
    else {
      this.#all.delete(line);
      line.close();
    }
    return outcome;
  }

  async #take(signal: AbortSignal): Promise<Line> {
    for (let line = this.#idle.shift(); line !== undefined; line = this.#idle.shift()) {
      if (line.usable) return line;
      this.#all.delete(line);
    }
    const line = await this.#open(signal);
    this.#all.add(line);
    return line;
  }
}
