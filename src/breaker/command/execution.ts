import type { Permit } from "../breaker.ts";
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
import type { Command } from "./command.ts";
import type { Waiting } from "./deadlines.ts";
import type { ErrorOutcome } from "./options.ts";

/** What is guarded, with what answers in its place. */
export interface Guard {
  readonly command: Command;
  readonly work: (this: unknown, ...args: unknown[]) => unknown;
  readonly fallback: ((this: unknown, error: unknown, ...args: unknown[]) => unknown) | undefined;
  /** The work takes the call as its first argument. */
  readonly passCall: boolean;
}

/** The call whose work is just being called. */
let current: Execution | undefined;

/**
 * The call that a guarded function works for, with its signal: to be asked for before the function
 * first waits.
 *
 * @throws Error where no guarded function has been called.
 */
export function currentCall(): Call {
  if (current === undefined) throw new Error("currentCall: no guarded function is being called");
  return current;
}

/** What it waits for: the work, its fallback, or nothing any more. */
type Phase = "working" | "fallingBack" | "answered";

/**
 * One execution, as Hystrix's `AbstractCommand` has it: circuit, semaphore, timeout, work, fallback;
 * of its events exactly one is terminal.
 */
export class Execution implements Waiting, Call {
  deadline = 0;
  earlier: Waiting | undefined = undefined;
  later: Waiting | undefined = undefined;
  readonly attempt = 0;
  readonly #guard: Guard;
  readonly #self: unknown;
  readonly #args: unknown[];
  readonly #startedAt: number;
  #permit: Permit = 0;
  #phase: Phase = "working";
  /** The work was called, and has ended. */
  #hasBegun = false;
  #hasEnded = false;
  /** What it failed with is a result. */
  #isResult = false;
  #resolve: (value: unknown) => void = nothing;
  #reject: (reason: unknown) => void = nothing;
  #controller: AbortController | undefined = undefined;
  #outer: AbortSignal | undefined = undefined;
  #onAbort: (() => void) | undefined = undefined;

  constructor(guard: Guard, self: unknown, args: unknown[], now: number) {
    this.#guard = guard;
    this.#self = self;
    this.#args = args;
    this.#startedAt = now;
  }

  /** Aborted when nobody waits any more; made when it is asked for. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#outer?.aborted) this.#controller.abort(this.#outer.reason);
    }
    return this.#controller.signal;
  }

  run(outer: AbortSignal | undefined): Promise<unknown> {
    const promise = new Promise<unknown>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (outer !== undefined && this.#follow(outer)) return promise;
    const { command } = this.#guard;
    const now = this.#startedAt;
    this.#permit = command.circuit.acquire(now);
    if (this.#permit === 0) {
      this.#giveWay("SHORT_CIRCUITED", new CircuitOpenError(command.name), now);
    } else if (command.stats.executing >= command.settings.maxConcurrentRequests) {
      command.circuit.record("failure", now, this.#permit);
      this.#giveWay("SEMAPHORE_REJECTED", new BulkheadFullError(command.name), now);
    } else {
      command.stats.events.active(++command.stats.executing, now);
      command.deadlines?.add(this, now);
      this.#hasBegun = true;
      this.#work();
    }
    return promise;
  }

  /** There was no answer in time. */
  expire(): void {
    const { command } = this.#guard;
    const now = command.clock.now();
    const error = new CallTimeoutError(command.name, command.settings.timeoutInMilliseconds);
    this.#recordFailure("failure", error, now);
    this.#controller?.abort(error);
    this.#giveWay("TIMEOUT", error, now);
  }

  #work(): void {
    const { work, passCall } = this.#guard;
    const before = current;
    current = this;
    let answer: unknown;
    try {
      answer = passCall
        ? work.call(this.#self, this, ...this.#args)
        : work.apply(this.#self, this.#args);
    } catch (error) {
      this.#onError(error);
      return;
    } finally {
      current = before;
    }
    if (!isThenable(answer)) {
      this.#onValue(answer);
      return;
    }
    answer.then(
      (value) => this.#onValue(value),
      (error) => this.#onError(error),
    );
  }

  #onValue(value: unknown): void {
    if (this.#end()) return;
    const { command } = this.#guard;
    const { stats, judges, options } = command;
    const now = command.clock.now();
    const outcome = options.classifyResult?.(value) ?? "success";
    if (outcome !== "success") {
      this.#isResult = true;
      this.#fail(outcome, value, now);
      return;
    }
    const durationMs = now - this.#startedAt;
    stats.succeeded.add(durationMs, now);
    if (judges === undefined) command.circuit.record("success", now, this.#permit);
    else judges.judge(command.circuit, this.#permit, "success", undefined, durationMs, now);
    this.#count("SUCCESS", undefined, now);
    this.#answer();
    this.#resolve(value);
  }

  #onError(error: unknown): void {
    if (this.#end()) return;
    const { options, clock } = this.#guard.command;
    const isBad = error instanceof BadRequestError || options.isBadRequest?.(error) === true;
    const outcome = isBad ? "ignored" : (options.classifyError?.(error) ?? "failure");
    this.#fail(outcome, error, clock.now());
  }

  /** The work is over. True: nobody waits for it any more. */
  #end(): boolean {
    if (this.#hasEnded) return true;
    this.#hasEnded = true;
    const { deadlines, stats } = this.#guard.command;
    stats.executing--;
    if (this.#phase !== "working") return true;
    deadlines?.remove(this);
    return false;
  }

  /** `reason`: an error, or a result that is as good as one. */
  #fail(outcome: ErrorOutcome, reason: unknown, now: number): void {
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
    this.#phase = "fallingBack";
    this.#count(type, reason, now);
    if (!settings.fallbackEnabled) {
      this.#count("FALLBACK_DISABLED", reason, now);
      this.#pass(reason, now);
    } else if (fallback === undefined) {
      this.#count("FALLBACK_MISSING", reason, now);
      this.#pass(reason, now);
    } else if (stats.fallingBack >= settings.fallbackMaxConcurrentRequests) {
      this.#count("FALLBACK_REJECTION", reason, now);
      this.#refuse(new FallbackFullError(command.name, reason), now);
    } else {
      stats.fallingBack++;
      this.#fallBack(fallback, reason);
    }
  }

  #fallBack(fallback: NonNullable<Guard["fallback"]>, reason: unknown): void {
    let answer: unknown;
    try {
      answer = fallback.call(this.#self, reason, ...this.#args);
    } catch (error) {
      this.#onFallbackError(reason, error);
      return;
    }
    if (!isThenable(answer)) {
      this.#onFallback(answer);
      return;
    }
    answer.then(
      (value) => this.#onFallback(value),
      (error) => this.#onFallbackError(reason, error),
    );
  }

  #onFallback(value: unknown): void {
    const { clock, stats } = this.#guard.command;
    stats.fallingBack--;
    if (this.#phase === "answered") return;
    const now = clock.now();
    this.#count("FALLBACK_SUCCESS", undefined, now);
    this.#recordTotal(now);
    this.#answer();
    this.#resolve(value);
  }

  #onFallbackError(reason: unknown, error: unknown): void {
    const { clock, name, stats } = this.#guard.command;
    stats.fallingBack--;
    if (this.#phase === "answered") return;
    const now = clock.now();
    this.#count("FALLBACK_FAILURE", error, now);
    this.#refuse(new FallbackFailedError(name, reason, error), now);
  }

  /** The caller gets what came: an error, or a result that counted as one. */
  #pass(reason: unknown, now: number): void {
    if (!this.#isResult) {
      this.#refuse(reason, now);
      return;
    }
    this.#recordTotal(now);
    this.#answer();
    this.#resolve(reason);
  }

  #refuse(error: unknown, now: number): void {
    this.#count("EXCEPTION_THROWN", error, now);
    this.#recordTotal(now);
    this.#answer();
    this.#reject(error);
  }

  /** True: the caller had given up before it began. */
  #follow(outer: AbortSignal): boolean {
    this.#outer = outer;
    if (!outer.aborted) {
      this.#onAbort = () => this.#cancel(outer.reason);
      outer.addEventListener("abort", this.#onAbort, { once: true });
      return false;
    }
    this.#count("CANCELLED", outer.reason, this.#startedAt);
    this.#answer();
    this.#reject(outer.reason);
    return true;
  }

  /** The caller gives up. The work goes on where it does not mind, and keeps its place. */
  #cancel(reason: unknown): void {
    const { circuit, clock, deadlines } = this.#guard.command;
    const now = clock.now();
    if (this.#phase === "working") {
      deadlines?.remove(this);
      circuit.record("ignored", now, this.#permit);
    }
    this.#count("CANCELLED", reason, now);
    this.#answer();
    this.#controller?.abort(reason);
    this.#reject(reason);
  }

  #answer(): void {
    this.#phase = "answered";
    if (this.#onAbort === undefined) return;
    this.#outer?.removeEventListener("abort", this.#onAbort);
  }

  #recordTotal(now: number): void {
    if (this.#hasBegun) this.#guard.command.stats.otherTotals.add(now - this.#startedAt, now);
  }

  #count(type: EventType, error: unknown, now: number): void {
    const { name, listeners, stats } = this.#guard.command;
    stats.events.add(EVENT[type], now);
    if (!listeners.isUsed) return;
    const durationMs = now - this.#startedAt;
    listeners.emit("execution", { name, type, isTerminal: isTerminal(type), durationMs, error });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

function nothing(): void {}
