// hot path: no allocation per request
import { LocalCells } from "../circuit/cells.ts";
import { Window, windowCells } from "../circuit/window.ts";
import { EVENT, EVENT_TYPES, type EventType } from "./event-type.ts";
import { RollingMax } from "./rolling-max.ts";

/** A rolling window, in milliseconds. */
export interface Extent {
  readonly durationMs: number;
  readonly buckets: number;
}

/** How often each thing happened: since the start, and within the window. */
export class EventCounts {
  readonly #ever: Float64Array = new Float64Array(EVENT_TYPES.length);
  readonly #window: Window;
  readonly #active: RollingMax;

  constructor({ durationMs, buckets }: Extent) {
    const options = { durationMs, buckets, counters: EVENT_TYPES.length };
    this.#window = new Window(new LocalCells(windowCells(options)), 0, options);
    this.#active = new RollingMax({ durationMs, buckets });
  }

  /** `event`: of `EVENT`. */
  add(event: number, now: number): void {
    this.#ever[event] = (this.#ever[event] as number) + 1;
    this.#window.add(event, now);
  }

  /** So many executions run at this moment. */
  active(count: number, now: number): void {
    this.#active.raise(count, now);
  }

  /** Since the start. */
  count(type: EventType): number {
    return this.#ever[EVENT[type]] as number;
  }

  /** Within the window. */
  rolling(type: EventType, now: number): number {
    return this.#window.sum(EVENT[type], now);
  }

  /** The most executions at one time within the window: Hystrix's COMMAND_MAX_ACTIVE. */
  maxActive(now: number): number {
    return this.#active.max(now);
  }
}
