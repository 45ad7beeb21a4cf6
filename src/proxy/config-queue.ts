import type { ProxyConfig } from "../model/bootstrap.ts";

/**
 * Swaps one configuration at a time. What comes while a swap is under way waits, and only the
 * newest of those is swapped in: nobody needs what is outdated already.
 */
export class ConfigQueue {
  readonly #swap: (config: ProxyConfig) => Promise<void>;
  readonly #notice: (text: string) => void;
  #next: ProxyConfig | undefined;
  #busy = false;
  #swapped = false;

  constructor(swap: (config: ProxyConfig) => Promise<void>, notice: (text: string) => void) {
    this.#swap = swap;
    this.#notice = notice;
  }

  /** True once a configuration has been swapped in. */
  get served(): boolean {
    return this.#swapped;
  }

  put(config: ProxyConfig): void {
    this.#next = config;
    if (!this.#busy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let config = this.#take(); config !== undefined; config = this.#take()) {
      try {
        await this.#swap(config);
        this.#swapped = true;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#notice(`configuration not swapped in, the last one stays: ${reason}`);
      }
    }
    this.#busy = false;
  }

  #take(): ProxyConfig | undefined {
    const config = this.#next;
    this.#next = undefined;
    return config;
  }
}
