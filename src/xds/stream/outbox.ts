/** Messages on their way to one stream; whoever puts them in never waits. */
export class Outbox<T> {
  #waiting: T[] = [];
  #state: { readonly kind: "open" } | { readonly kind: "ended"; readonly error?: Error } = {
    kind: "open",
  };
  #wake: () => void = () => undefined;

  /** Messages that the stream has not asked for yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  put(message: T): void {
    if (this.#state.kind !== "open") return;
    this.#waiting.push(message);
    this.#wake();
  }

  /** What was put in before is still delivered. */
  end(): void {
    if (this.#state.kind === "open") this.#state = { kind: "ended" };
    this.#wake();
  }

  fail(error: Error): void {
    if (this.#state.kind === "open") this.#state = { kind: "ended", error };
    this.#wake();
  }

  /** Likewise, but what was put in before is not delivered either. */
  drop(error: Error): void {
    this.#waiting = [];
    this.fail(error);
  }

  async *drain(): AsyncGenerator<T> {
    for (;;) {
      const batch = this.#waiting;
      this.#waiting = [];
      yield* batch;
      if (this.#waiting.length > 0) continue;
      if (this.#state.kind === "open") await new Promise<void>((wake) => (this.#wake = wake));
      else if (this.#state.error !== undefined) throw this.#state.error;
      else return;
    }
  }
}
