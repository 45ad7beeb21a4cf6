import type { SignalSource } from "./options.ts";

/** Signals to this process: the first asks for the end, unless somebody else takes them. */
export class Interrupt {
  /** Resolves with the signal that asks for the end. */
  readonly requested: Promise<NodeJS.Signals>;
  readonly close: () => void;
  #taker: ((name: NodeJS.Signals) => void) | undefined;

  constructor(signals: SignalSource) {
    const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
    this.requested = promise;
    this.close = signals((name) => (this.#taker ?? resolve)(name));
  }

  /** From now on signals are somebody else's: COMMAND's. */
  handTo(taker: (name: NodeJS.Signals) => void): void {
    this.#taker = taker;
  }
}
