/**
 * One thing for each origin, made when it is first asked for. Bounded, since origins may come from
 * outside: the one that was not asked for longest goes.
 */
export class PerOrigin<T> {
  readonly #make: (origin: string) => T;
  readonly #max: number;
  readonly #byOrigin = new Map<string, T>();

  constructor(make: (origin: string) => T, max: number) {
    if (!(max >= 1)) throw new RangeError(`maxOrigins ${max}: at least 1`);
    this.#make = make;
    this.#max = max;
  }

  /** Those that are remembered. */
  values(): Iterable<T> {
    return this.#byOrigin.values();
  }

  of(origin: string): T {
    const known = this.#byOrigin.get(origin);
    const one = known ?? this.#make(origin);
    // Maps keep the order of insertion: the newest stands last.
    this.#byOrigin.delete(origin);
    this.#byOrigin.set(origin, one);
    if (this.#byOrigin.size > this.#max) {
      for (const oldest of this.#byOrigin.keys()) {
        this.#byOrigin.delete(oldest);
        break;
      }
    }
    return one;
  }
}
