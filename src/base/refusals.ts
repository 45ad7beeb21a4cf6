/**
 * Gathers what is wrong, each with where it stands, so that all of it is told at once. One line for
 * each: an Error that is itself of several lines gives as many.
 */
export class Refusals {
  readonly #lines: string[] = [];

  /** What `make` returns; undefined where it throws. */
  attempt<T>(where: string, make: () => T): T | undefined {
    try {
      return make();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      for (const line of text.split("\n")) this.add(`${where}: ${line}`);
      return undefined;
    }
  }

  add(line: string): void {
    this.#lines.push(line);
  }

  /** All lines; empty where nothing was wrong. */
  get text(): string {
    return this.#lines.join("\n");
  }

  /** Throws one Error that has all lines, if there are any. */
  throwAny(): void {
    if (this.#lines.length > 0) throw new Error(this.#lines.join("\n"));
  }
}
