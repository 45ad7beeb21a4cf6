import type { Outcome, Permit } from "../breaker.ts";
import { type Entrance, entrance } from "../entrance.ts";
import {
  BadRequestError,
  BulkheadFullError,
  CallTimeoutError,
  CircuitOpenError,
  FallbackFailedError,
  FallbackFullError,
} from "../errors.ts";
import type { Call } from "../policy/call-scope.ts";
import { EVENT, type EventType, isTerminal } from "../stats/event-type.ts";
import type { Guard } from "./guard.ts";
import type { ErrorOutcome } from "./options.ts";
import type { Settle } from "./places.ts";

/** What has become of an execution, each a bit. */
const FALLING_BACK = 1;
/** The caller has its answer. */
const ANSWERED = 2;
/** What the work failed with is a result. */
const IS_RESULT = 4;

/** The caller's signal, while it is listened to. */
interface Caller {
  readonly signal: AbortSignal;
  readonly onAbort: () => void;
}

export interface RefusedCall {
  readonly guard: Guard;
  readonly self: unknown;
  readonly args: unknown[];
  readonly signal: AbortSignal | undefined;
}

/**
 * One execution, as Hystrix's `AbstractCommand` has it: circuit, semaphore, timeout, work and
 * fallback; of its events exactly one is terminal. Its work is called, and its place kept, by the
 * guard, which also does without one where all goes well.
 */
export class Execution implements Call {
  readonly #guard: Guard;
  readonly #self: unknown;
  readonly #args: unknown[];
  readonly #startedAt: number;
  /** 0: its work was not called. */
  readonly #permit: Permit;
  readonly #resolve: Settle;
  readonly #reject: Settle;
  /** Where what comes after the timeout runs. */
  #entrance: Entrance | undefined;
  #marks = 0;
  #controller: AbortController | undefined = undefined;
  #caller: Caller | undefined = undefined;

  constructor(
    guard: Guard,
    self: unknown,
    args: unknown[],
    startedAt: number,
    permit: Permit,
    resolve: Settle,
    reject: Settle,
    way?: Entrance,
  ) {
    this.#guard = guard;
    this.#self = self;
    this.#args = args;
    this.#startedAt = startedAt;
    this.#permit = permit;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#entrance = way;
  }

  /** Its work is not called: the circuit is open, or there is no place for it. */
  static refused(
    call: RefusedCall,
    type: "SHORT_CIRCUITED" | "SEMAPHORE_REJECTED",
    now: number,
  ): Promise<unknown> {
    const { guard, self, args, signal } = call;
    const { name } = guard.command;
    const isOpen = type === "SHORT_CIRCUITED";
    return new Promise((resolve, reject) => {
      const error = isOpen ? new CircuitOpenError(name) : new BulkheadFullError(name);
      const execution = new Execution(guard, self, args, now, 0, resolve, reject);
      if (signal !== undefined) execution.follow(signal);
      execution.#giveWay(type, error, now);
    });
  }

  /** Its caller gave up before it began. */
  static givenUp(guard: Guard, reason: unknown, now: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const execution = new Execution(guard, undefined, [], now, 0, resolve, reject);
      execution.#count("CANCELLED", reason, now);
      reject(reason);
    });
  }

  /** Whether it may still expire. */
  get isWaiting(): boolean {
    return (this.#marks & (FALLING_BACK | ANSWERED)) === 0;
  }

  get attempt(): number {
    return 0;
  }

  /** Aborted when nobody waits any more; made when it is asked for. */
  get signal(): AbortSignal {
    this.keepContext();
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** To be called as the caller, who hears of the timeout where it called. */
  keepContext(): void {
    if (this.isWaiting) this.#entrance ??= entrance();
  }

  /** There was no answer in time. */
  expire(): void {
    const { command } = this.#guard;
    const error = new CallTimeoutError(command.name, command.settings.timeoutInMilliseconds);
    this.#marks |= FALLING_BACK;
    this.#recordFailure("failure", error, command.clock.now());
    if (this.#entrance === undefined) this.#onTimeout(error);
    else this.#entrance(() => this.#onTimeout(error));
  }

  #onTimeout(error: CallTimeoutError): void {
    this.#abort(error);
    this.#giveWay("TIMEOUT", error, this.#guard.command.clock.now());
  }

  /** The work answered. */
  onValue(value: unknown): void {
    if (!this.isWaiting) return;
    const { classifyResult } = this.#guard.command.options;
    let outcome: Outcome = "success";
    try {
      outcome = classifyResult?.(value) ?? "success";
    } catch (error) {
      this.#fail("failure", error);
      return;
    }
    if (outcome === "success") {
      this.#succeed(value);
    } else {
      this.#marks |= IS_RESULT;
      this.#fail(outcome, value);
    }
  }

  #succeed(value: unknown): void {
    if (!this.isWaiting) return;
    this.#answer();
    const { circuit, clock, judges, stats } = this.#guard.command;
    const now = clock.now();
    const durationMs = now - this.#startedAt;
    stats.succeeded.add(durationMs, now);
    if (judges === undefined) circuit.record("success", now, this.#permit);
    else judges.judge(circuit, this.#permit, "success", undefined, durationMs, now);
    this.#count("SUCCESS", undefined, now);
    this.#resolve(value);
  }

  /** The work failed. */
  onError(error: unknown): void {
    if (!this.isWaiting) return;
    let outcome: ErrorOutcome;
    try {
      outcome = this.#outcomeOf(error);
    } catch (classifierError) {
      this.#fail("failure", classifierError);
      return;
    }
    this.#fail(outcome, error);
  }

  #outcomeOf(error: unknown): ErrorOutcome {
    const { classifyError, isBadRequest } = this.#guard.command.options;
    if (error instanceof BadRequestError || isBadRequest?.(error) === true) return "ignored";
    return classifyError?.(error) ?? "failure";
  }

  /** `reason`: an error, or a result that is as good as one. */
  #fail(outcome: ErrorOutcome, reason: unknown): void {
    // Whoever was asked what it is may have given it up.
    if (!this.isWaiting) return;
    const now = this.#guard.command.clock.now();
    if (outcome === "ignored") this.#answer();
    else this.#marks |= FALLING_BACK;
    this.#recordFailure(outcome, reason, now);
    if (outcome === "ignored") {
      this.#count("BAD_REQUEST", reason, now);
      this.#pass(reason, now);
    } else {
      this.#giveWay("FAILURE", reason, now);
    }
  }

  #recordFailure(outcome: ErrorOutcome, reason: unknown, now: number): void {
    const { circuit, judges, stats } = this.#guard.command;
    const durationMs = now - this.#startedAt;
    stats.otherExecutions.add(durationMs, now);
    if (judges === undefined) circuit.record(outcome, now, this.#permit);
    else judges.judge(circuit, this.#permit, outcome, reason, durationMs, now);
  }

  /** The fallback answers for what has happened, if it may. */
  #giveWay(type: EventType, reason: unknown, now: number): void {
    const { command, fallback } = this.#guard;
    const { stats, settings } = command;
    this.#marks |= FALLING_BACK;
    this.#count(type, reason, now);
    // Whoever hears of it may give it up.
    if (this.#marks & ANSWERED) return;
    if (!settings.fallbackEnabled) {
      this.#end("FALLBACK_DISABLED", reason, now);
      this.#pass(reason, now);
    } else if (fallback === undefined) {
      this.#end("FALLBACK_MISSING", reason, now);
      this.#pass(reason, now);
    } else if (stats.fallingBack >= settings.fallbackMaxConcurrentRequests) {
      this.#end("FALLBACK_REJECTION", reason, now);
      this.#refuse(new FallbackFullError(command.name, reason), now);
    } else {
      stats.fallingBack++;
      this.#fallBack(fallback, reason);
    }
  }

  /** Its terminal event. From here on nobody can give it up. */
  #end(type: EventType, error: unknown, now: number): void {
    this.#answer();
    this.#count(type, error, now);
  }

  #fallBack(fallback: NonNullable<Guard["fallback"]>, reason: unknown): void {
    let answer: unknown;
    let isLater: boolean;
    try {
      answer = fallback.call(this.#self, reason, ...this.#args);
      isLater = isThenable(answer);
    } catch (error) {
      this.#onFallbackError(reason, error);
      return;
    }
    if (!isLater) {
      this.#onFallback(answer);
      return;
    }
    // It might call back twice.
    Promise.resolve(answer).then(
      (value) => this.#onFallback(value),
      (error) => this.#onFallbackError(reason, error),
    );
  }

  #onFallback(value: unknown): void {
    const { clock, stats } = this.#guard.command;
    stats.fallingBack--;
    if (this.#marks & ANSWERED) return;
    const now = clock.now();
    this.#end("FALLBACK_SUCCESS", undefined, now);
    this.#recordTotal(now);
    this.#resolve(value);
  }

  #onFallbackError(reason: unknown, error: unknown): void {
    const { clock, name, stats } = this.#guard.command;
    stats.fallingBack--;
    if (this.#marks & ANSWERED) return;
    const now = clock.now();
    this.#end("FALLBACK_FAILURE", error, now);
    this.#refuse(new FallbackFailedError(name, reason, error), now);
  }

  /** The caller gets what came: an error, or a result that counted as one. */
  #pass(reason: unknown, now: number): void {
    if ((this.#marks & IS_RESULT) === 0) {
      this.#refuse(reason, now);
      return;
    }
    this.#recordTotal(now);
    this.#resolve(reason);
  }

  #refuse(error: unknown, now: number): void {
    this.#count("EXCEPTION_THROWN", error, now);
    this.#recordTotal(now);
    this.#reject(error);
  }

  /** Is given up when its caller gives up. */
  follow(signal: AbortSignal): void {
    const onAbort = (): void => this.#cancel(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#caller = { signal, onAbort };
  }

  /** The caller gives up. The work goes on where it does not mind, and keeps its place. */
  #cancel(reason: unknown): void {
    const { circuit, clock } = this.#guard.command;
    const now = clock.now();
    const isWaiting = this.isWaiting;
    this.#end("CANCELLED", reason, now);
    if (isWaiting) circuit.record("ignored", now, this.#permit);
    this.#abort(reason);
    this.#reject(reason);
  }

  #abort(reason: unknown): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }

  #answer(): void {
    this.#marks |= ANSWERED;
    if (this.#caller === undefined) return;
    this.#caller.signal.removeEventListener("abort", this.#caller.onAbort);
  }

  #recordTotal(now: number): void {
    if (this.#permit !== 0) this.#guard.command.stats.otherTotals.add(now - this.#startedAt, now);
  }

  #count(type: EventType, error: unknown, now: number): void {
    const { listeners, stats } = this.#guard.command;
    stats.events.add(EVENT[type], now);
    if (listeners.isUsed) this.#tell(type, error, now);
  }

  #tell(type: EventType, error: unknown, now: number): void {
    const { name, listeners } = this.#guard.command;
    const durationMs = now - this.#startedAt;
    listeners.emit("execution", { name, type, isTerminal: isTerminal(type), durationMs, error });
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"
  );
}
