import type { Breaker, CircuitState, Forced, Outcome, Permit } from "../breaker.ts";
import { LocalCells } from "../circuit/cells.ts";
import { Circuit } from "../circuit/circuit.ts";
import { circuitCells } from "../circuit/circuit-cells.ts";
import type { CircuitListener } from "../circuit/options.ts";
import { type Clock, systemChance, systemClock } from "../clock.ts";
import { CommandStatistics } from "../stats/command-statistics.ts";
import type { EventCounts } from "../stats/event-counts.ts";
import { EVENT, type EventType, isTerminal } from "../stats/event-type.ts";
import type { LatencyView } from "../stats/latency.ts";
import { BurstClock } from "./burst-clock.ts";
import { type CircuitRecord, readCircuitRecord } from "./circuit-record.ts";
import { Judges } from "./judges.ts";
import { Listeners } from "./listeners.ts";
import type { CommandOptions, CommandSettings, TransitionEvent } from "./options.ts";
import { settingsOf, strategyOf } from "./settings.ts";

/** Something that happened to an execution. */
export interface ExecutionEvent {
  readonly name: string;
  readonly type: EventType;
  /** The last of its execution. */
  readonly isTerminal: boolean;
  /** Since it began, ms. */
  readonly durationMs: number;
  /** Where it has to do with one. */
  readonly error: unknown;
}

export interface CommandEvents {
  readonly transition: TransitionEvent;
  readonly execution: ExecutionEvent;
}

/**
 * The circuit of a guarded function, with its counts, events and limits: `guarded.breaker`. Where
 * `now` is left out, the command's clock is asked.
 */
export class Command implements Breaker, CircuitListener {
  readonly name: string;
  readonly group: string;
  readonly settings: CommandSettings;
  readonly options: CommandOptions;
  readonly stats: CommandStatistics;
  /** What calls are timed with: times of `acquire`, `allow` and `record` are times of it. */
  readonly clock: Clock;
  /** The circuit itself. */
  readonly circuit: Circuit;
  /** Beside its own. */
  readonly judges: Judges | undefined;
  readonly listeners: Listeners<CommandEvents> = new Listeners();

  constructor(name: string, options: CommandOptions) {
    const settings = settingsOf(options);
    const clock = options.clock ?? systemClock;
    this.name = options.name ?? name;
    this.group = options.group ?? "default";
    this.settings = settings;
    this.options = options;
    this.clock = clock === systemClock ? new BurstClock(clock) : clock;
    this.stats = new CommandStatistics(this);
    this.judges = Judges.of(options, settings);
    this.circuit = this.#circuitOf(options);
    if (options.state !== undefined) this.restore(options.state);
    if (options.forceClosed === true) this.forceClosed();
    if (options.forceOpen === true) this.forceOpen();
  }

  get state(): CircuitState {
    return this.circuit.state;
  }

  get forced(): Forced {
    return this.circuit.forced;
  }

  /** Hystrix's `isCircuitBreakerOpen`: half-open is open, and what is forced counts. */
  get isOpen(): boolean {
    return this.circuit.isOpen;
  }

  get changedAt(): number {
    return this.circuit.changedAt;
  }

  /** How often it changed to a state. */
  changes(to: CircuitState): number {
    return this.circuit.changes(to);
  }

  /** When it last did, of the same clock; 0: never. */
  changedTo(to: CircuitState): number {
    return this.circuit.changedTo(to);
  }

  /** Executions at this moment. */
  get running(): number {
    return this.stats.executing;
  }

  /** What happened, since the start and within the window. */
  get counts(): EventCounts {
    return this.stats.events;
  }

  /** Of what was called. */
  get latencyExecute(): LatencyView {
    return this.stats.execute;
  }

  /** With the fallback. */
  get latencyTotal(): LatencyView {
    return this.stats.total;
  }

  acquire(now: number = this.clock.now()): Permit {
    return this.circuit.acquire(now);
  }

  allow(now: number = this.clock.now()): boolean {
    return this.circuit.acquire(now) !== 0;
  }

  record(outcome: Outcome, now: number = this.clock.now(), permit?: Permit): void {
    this.circuit.record(outcome, now, permit);
  }

  /** Lets nothing through until it is told otherwise; it goes on counting. */
  forceOpen(): void {
    this.circuit.forceOpen();
  }

  /** Lets everything through until it is told otherwise; it goes on counting. */
  forceClosed(): void {
    this.circuit.forceClosed();
  }

  /** Undoes `forceOpen` and `forceClosed`. */
  unforce(): void {
    this.circuit.unforce();
  }

  /** Opens it as if there were reason to; it sleeps, and is probed. */
  open(now: number = this.clock.now()): void {
    this.circuit.trip(now);
  }

  /** Closes it, with nothing counted. */
  close(now: number = this.clock.now()): void {
    this.circuit.close(now);
    this.judges?.reset();
  }

  /** Counts and tells what happened to a call before it could become an execution. */
  note(type: "COLLAPSED" | "RESPONSE_FROM_CACHE"): void {
    const { name, listeners, stats } = this;
    stats.events.add(EVENT[type], this.clock.now());
    if (!listeners.isUsed) return;
    const event = { name, type, isTerminal: isTerminal(type), durationMs: 0, error: undefined };
    listeners.emit("execution", event);
  }

  /** Hears of an event until the result is called. */
  on<Name extends keyof CommandEvents>(
    name: Name,
    listener: (event: CommandEvents[Name]) => void,
  ): () => void {
    return this.listeners.on(name, listener);
  }

  /** The circuit's state, for `restore` or the option `state` of another process. */
  toJSON(): CircuitRecord {
    const { state, forced, changedAt, openUntil, openings } = this.circuit;
    return {
      version: 1,
      name: this.name,
      state,
      forced,
      changedAt: changedAt === 0 ? 0 : this.wallOf(changedAt),
      openUntil: state === "closed" ? 0 : this.wallOf(openUntil),
      openings,
    };
  }

  /**
   * Takes over what `toJSON` said, perhaps long ago. A half-open circuit is open and may be probed
   * at once: the calls that were to tell are another process's.
   *
   * @throws TypeError that names every field that is wrong.
   */
  restore(record: CircuitRecord): void {
    const { state, forced, openUntil, openings } = readCircuitRecord(record);
    const now = this.clock.now();
    if (forced === "no") this.unforce();
    else if (forced === "open") this.forceOpen();
    else this.forceClosed();
    if (state === "closed") this.close(now);
    else this.circuit.restore(now + openUntil - this.clock.wall(), openings, now);
  }

  /** The time of day of a moment of the clock, whole milliseconds. */
  wallOf(moment: number): number {
    return Math.round(this.clock.wall() - this.clock.now() + moment);
  }

  onTransition(from: CircuitState, to: CircuitState, at: number, brokenForMs: number): void {
    if (to === "closed") this.judges?.reset();
    if (!this.listeners.isUsed) return;
    const { name } = this;
    this.listeners.emit("transition", { name, from, to, at: this.wallOf(at), brokenForMs });
  }

  #circuitOf(options: CommandOptions): Circuit {
    const { settings } = this;
    const strategy = strategyOf(options, settings);
    const circuit = {
      strategy,
      sleepMs: settings.sleepWindowInMilliseconds,
      backoff: options.backoff,
      probes: settings.halfOpenRequests,
      probeTimeoutMs: settings.probeTimeoutInMilliseconds,
      ignoredProbe: options.ignoredProbe ?? "open",
    };
    const cells = new LocalCells(circuitCells(strategy));
    return new Circuit(cells, 0, circuit, this, options.chance ?? systemChance);
  }
}
