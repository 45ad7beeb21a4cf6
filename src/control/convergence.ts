import type { Clock } from "../base/clock.ts";

/** Measures how long each proxy takes from a change to its last acknowledgement. */
export class Convergence {
  readonly #clock: Clock;
  readonly #report: (seconds: number) => void;
  #since = 0;
  #behind = new Set<string>();

  constructor(clock: Clock, report: (seconds: number) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** A change is about to be published. Whoever is still behind the last one counts from now. */
  begin(): void {
    this.#since = this.#clock.now();
    this.#behind = new Set();
  }

  /** These proxies have something to acknowledge. */
  expect(nodeIds: readonly string[]): void {
    this.#behind = new Set(nodeIds);
  }

  synced(nodeId: string): void {
    if (!this.#behind.delete(nodeId)) return;
    this.#report((this.#clock.now() - this.#since) / 1000);
  }
}
