import type { Terminal } from "./options.ts";

/** What Outrigger says while it runs: on standard error, or below the live table. */
export class Voice {
  readonly #terminal: Terminal;
  #elsewhere: ((line: string) => void) | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  say(line: string): void {
    if (this.#elsewhere !== undefined) this.#elsewhere(line);
    else this.#terminal.stderr.write(`outrigger: ${line}\n`);
  }

  /** Hands every line to `listener`; undefined takes them back. */
  divert(listener: ((line: string) => void) | undefined): void {
    this.#elsewhere = listener;
  }
}
