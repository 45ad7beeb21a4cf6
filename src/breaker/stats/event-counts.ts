// hot path: no allocation per request
import { EVENT, EVENT_TYPES, type EventType } from "./event-type.ts";
import { RollingMax } from "./rolling-max.ts";
import { type Extent, Tally } from "./tally.ts";

/** How often each thing happened: since the start, and within the window. */
export class EventCounts {
  readonly #tally: Tally;
  readonly #active: RollingMax;

  constructor(extent: Extent) {
    this.#tally = new Tally(EVENT_TYPES.length, extent);
    this.#active = new RollingMax(extent);
  }

  /** `event`: of `EVENT`. */
  add(event: number, now: number): void {
    this.#tally.add(event, now);
  }

  /** So many executions run at this moment. */
  active(count: number, now: number): void {
    this.#active.raise(count, now);
  }

  /** Since the start. */
  count(type: EventType): number {
    return this.#tally.ever(EVENT[type]);
  }

  /** Within the window. */
  rolling(type: EventType, now: number): number {
    return this.#tally.rolling(EVENT[type], now);
  }

  /** The most executions at one time within the window: Hystrix's COMMAND_MAX_ACTIVE. */
  maxActive(now: number): number {
    return this.#active.max(now);
  }
}
