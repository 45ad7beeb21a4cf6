import type { Clock } from "../../base/clock.ts";

/** Which circuit: its policy, and the cluster or route where it stands. */
export interface CircuitKey {
  /** `namespace/name` of the CircuitBreaker. */
  readonly circuit: string;
  readonly place: string;
}

/** What every other proxy that has the circuit shall do. */
export type CircuitOrder =
  | (CircuitKey & {
      readonly state: "open";
      readonly reporter: string;
      readonly remainingMs: number;
    })
  | (CircuitKey & { readonly state: "closed"; readonly reporter: string });

interface OpenCircuit extends CircuitKey {
  readonly reporter: string;
  /** The clock's time at which proxies try again. */
  readonly untilMs: number;
}

/** An open circuit that nobody closes is forgotten this long after its proxies tried again. */
const FORGET_MS = 60_000;
const CIRCUITS_MAX = 10_000;

/**
 * The circuits of the mesh that are open (CircuitBreaker, `scope: Mesh`): what one proxy finds out
 * holds for all. Time only ever lets a circuit be tried again; proxies do that by themselves.
 */
export class CircuitBoard {
  readonly #clock: Clock;
  readonly #open = new Map<string, OpenCircuit>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A proxy's own circuit has opened; undefined where everybody has been told of it. */
  opened(key: CircuitKey, reporter: string, sleepMs: number): CircuitOrder | undefined {
    const now = this.#clock.now();
    const known = this.#open.get(textOf(key));
    // Who reports again has tried in vain; others may only not have been told yet.
    const isTold = known !== undefined && known.untilMs > now && known.reporter !== reporter;
    if (isTold) return undefined;
    this.#forget(now);
    if (known === undefined && this.#open.size >= CIRCUITS_MAX) return undefined;
    this.#open.set(textOf(key), { ...key, reporter, untilMs: now + sleepMs });
    return { ...key, state: "open", reporter, remainingMs: sleepMs };
  }

  /** A proxy's probes have closed its circuit; undefined where nobody knows of an open one. */
  closed(key: CircuitKey, reporter: string): CircuitOrder | undefined {
    if (!this.#open.delete(textOf(key))) return undefined;
    return { ...key, state: "closed", reporter };
  }

  /** How many circuits it knows to have been open. */
  get size(): number {
    return this.#open.size;
  }

  /** What somebody has to be told who comes now. */
  get orders(): readonly CircuitOrder[] {
    const now = this.#clock.now();
    return [...this.#open.values()].flatMap(({ untilMs, ...open }) =>
      untilMs > now ? [{ ...open, state: "open" as const, remainingMs: untilMs - now }] : [],
    );
  }

  #forget(now: number): void {
    for (const [text, { untilMs }] of this.#open) {
      if (untilMs + FORGET_MS <= now) this.#open.delete(text);
    }
  }
}

function textOf({ circuit, place }: CircuitKey): string {
  return `${circuit} ${place}`;
}
