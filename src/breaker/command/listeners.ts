/** Functions that hear of events, by the events' names. */
export class Listeners<Events extends object> {
  readonly #of = new Map<keyof Events, Set<(event: never) => void>>();

  /** Whether anybody hears of any event. */
  isUsed = false;

  /** Hears of it until the result is called. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const listeners = this.#of.get(name) ?? new Set();
    this.#of.set(name, listeners.add(listener));
    this.isUsed = true;
    return () => {
      listeners.delete(listener);
      this.isUsed = [...this.#of.values()].some(({ size }) => size > 0);
    };
  }

  /** What a listener throws is nobody's answer: it is reported as uncaught, after the call. */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of this.#of.get(name) ?? []) {
      try {
        (listener as (event: Events[Name]) => void)(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
