import type { Clock, Timer } from "../../base/clock.ts";
import type { LineSink } from "../telemetry/access-log/log-sink.ts";

/** Lines go to the main thread after so long, or when there are so many of them. */
const RELAY_MS = 100;
const RELAY_CHARS = 16 * 1024;

/** Hands on lines of one path. */
export type SendLines = (path: string, text: string, lines: number) => void;

/**
 * Takes a worker's log lines to the main thread, which alone writes them: so lines of several
 * workers never run into each other, whatever is behind the path.
 */
export class LogRelay implements LineSink {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #send: SendLines;
  #text = "";
  #lines = 0;
  #timer: Timer | undefined;

  constructor(path: string, clock: Clock, send: SendLines) {
    this.#path = path;
    this.#clock = clock;
    this.#send = send;
  }

  write(text: string, lines = 1): void {
    this.#text += text;
    this.#lines += lines;
    if (this.#text.length >= RELAY_CHARS) this.#flush();
    else this.#timer ??= this.#clock.after(RELAY_MS, () => this.#flush());
  }

  /** The main thread does that. */
  reopen(): void {
    // Nothing is open here.
  }

  close(): Promise<void> {
    this.#flush();
    return Promise.resolve();
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#lines === 0) return;
    this.#send(this.#path, this.#text, this.#lines);
    this.#text = "";
    this.#lines = 0;
  }
}
