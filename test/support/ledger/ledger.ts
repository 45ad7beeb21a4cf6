/** What origins were asked to do, and did: one book for all origins of a run. */

export interface Entry {
  /** How often the whole request came. */
  executions: number;
  /** How often an answer to it was written whole. */
  answers: number;
  /** Of each body that came. */
  readonly bodyHashes: string[];
  /** Names of those that executed it. */
  readonly origins: string[];
}

export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #byOrigin = new Map<string, number>();

  get size(): number {
    return this.#entries.size;
  }

  /** All requests that came, those that came twice counted twice. */
  get executions(): number {
    return [...this.#byOrigin.values()].reduce((sum, count) => sum + count, 0);
  }

  entry(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  ids(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** How many requests this origin has executed. */
  executedBy(origin: string): number {
    return this.#byOrigin.get(origin) ?? 0;
  }

  /** An origin has a whole request, and does now what it asks. */
  executes(id: string, origin: string, bodyHash: string): void {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = { executions: 0, answers: 0, bodyHashes: [], origins: [] };
      this.#entries.set(id, entry);
    }
    entry.executions++;
    entry.bodyHashes.push(bodyHash);
    entry.origins.push(origin);
    this.#byOrigin.set(origin, this.executedBy(origin) + 1);
  }

  /** All of an answer has been written. */
  answers(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.answers++;
  }
}
