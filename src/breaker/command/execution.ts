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

const SUCCESS = EVENT.SUCCESS;

/** What has become of an execution, each a bit. */
const BEGUN = 1;
/** The work is over. */
const ENDED = 2;
const FALLING_BACK = 4;
/** The caller has its answer. */
const ANSWERED = 8;
/** What the work failed with is a result. */
const IS_RESULT = 16;

type Settle = (value: unknown) => void;

/** What the newest promise is settled with: a closure less for each call. */
let newestResolve: Settle = () => {};
let newestReject: Settle = () => {};
const keepNewest = (resolve: Settle, reject: Settle): void => {
  newestResolve = resolve;
  newestReject = reject;
};

/** The caller's signal, while it is listened to. */
interface Caller {
  readonly signal: AbortSignal;
  readonly onAbort: () => void;
}

/**
 * One execution, as Hystrix's `AbstractCommand` has it: circuit, semaphore, timeout, work and
 * fallback; of its events exactly one is terminal. Small, since each call makes one.
 */
export class Execution implements Waiting, Call {
  readonly startedAt: number;
  earlier: Waiting | undefined = undefined;
  later: Waiting | undefined = undefined;
  readonly #guard: Guard;
  readonly #self: unknown;
  readonly #args: unknown[];
  #permit: Permit = 0;
  #marks = 0;
  #resolve: Settle = newestResolve;
  #reject: Settle = newestReject;
  #controller: AbortController | undefined = undefined;
  #caller: Caller | undefined = undefined;

  constructor(guard: Guard, self: unknown, args: unknown[], now: number) {
    this.startedAt = now;
    this.#guard = guard;
    this.#self = self;
    this.#args = args;
  }

  get attempt(): number {
    return 0;
  }

  /** Aborted when nobody waits any more; made when it is asked for. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  run(outer: AbortSignal | undefined): Promise<unknown> {
    const promise = new Promise<unknown>(keepNewest);
    this.#resolve = newestResolve;
    this.#reject = newestReject;
    if (outer !== undefined && this.#follow(outer)) return promise;
    const { command } = this.#guard;
    const now = this.startedAt;
    this.#permit = command.circuit.acquire(now);
    if (this.#permit === 0) {
      this.#giveWay("SHORT_CIRCUITED", new CircuitOpenError(command.name), now);
    } else if (command.stats.executing >= command.settings.maxConcurrentRequests) {
      command.circuit.record("failure", now, this.#permit);
      this.#giveWay("SEMAPHORE_REJECTED", new BulkheadFullError(command.name), now);
    } else {
      command.stats.events.active(++command.stats.executing, now);
      command.deadlines?.add(this);
      this.#marks = BEGUN;
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
    this.#abort(error);
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
      current = before;
      this.#onError(error);
      return;
    }
    current = before;
    if (answer instanceof Promise || isThenable(answer)) {
      answer.then(
        (value) => this.#onValue(value),
        (error) => this.#onError(error),
      );
    } else {
      this.#onValue(answer);
    }
  }

  #onValue(value: unknown): void {
    if (this.#end()) return;
    const { command } = this.#guard;
    const { stats, judges, options } = command;
    const now = command.clock.now();
    const outcome = options.classifyResult?.(value) ?? "success";
    if (outcome !== "success") {
      this.#marks |= IS_RESULT;
      this.#fail(outcome, value, now);
      return;
    }
    const durationMs = now - this.startedAt;
    stats.succeeded.add(durationMs, now);
    if (judges === undefined) command.circuit.record("success", now, this.#permit);
    else judges.judge(command.circuit, this.#permit, "success", undefined, durationMs, now);
    stats.events.add(SUCCESS, now);
    if (command.listeners.isUsed) this.#tell("SUCCESS", undefined, now);
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
    if (this.#marks & ENDED) return true;
    const { deadlines, stats } = this.#guard.command;
    stats.executing--;
    this.#marks |= ENDED;
    if (this.#marks & (FALLING_BACK | ANSWERED)) return true;
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
    const durationMs = now - this.startedAt;
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
    if (this.#marks & ANSWERED) return;
    const now = clock.now();
    this.#count("FALLBACK_SUCCESS", undefined, now);
    this.#recordTotal(now);
    this.#answer();
    this.#resolve(value);
  }

  #onFallbackError(reason: unknown, error: unknown): void {
    const { clock, name, stats } = this.#guard.command;
    stats.fallingBack--;
    if (this.#marks & ANSWERED) return;
    const now = clock.now();
    this.#count("FALLBACK_FAILURE", error, now);
    this.#refuse(new FallbackFailedError(name, reason, error), now);
  }

  /** The caller gets what came: an error, or a result that counted as one. */
  #pass(reason: unknown, now: number): void {
    if ((this.#marks & IS_RESULT) === 0) {
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
  #follow(signal: AbortSignal): boolean {
    if (!signal.aborted) {
      const onAbort = (): void => this.#cancel(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#caller = { signal, onAbort };
      return false;
    }
    this.#count("CANCELLED", signal.reason, this.startedAt);
    this.#answer();
    this.#reject(signal.reason);
    return true;
  }

  /** The caller gives up. The work goes on where it does not mind, and keeps its place. */
  #cancel(reason: unknown): void {
    const { circuit, clock, deadlines } = this.#guard.command;
    const now = clock.now();
    if ((this.#marks & FALLING_BACK) === 0) {
      deadlines?.remove(this);
      circuit.record("ignored", now, this.#permit);
    }
    this.#count("CANCELLED", reason, now);
    this.#answer();
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
    if (this.#marks & BEGUN) this.#guard.command.stats.otherTotals.add(now - this.startedAt, now);
  }

  #count(type: EventType, error: unknown, now: number): void {
    const { listeners, stats } = this.#guard.command;
    stats.events.add(EVENT[type], now);
    if (listeners.isUsed) this.#tell(type, error, now);
  }

  #tell(type: EventType, error: unknown, now: number): void {
    const { name, listeners } = this.#guard.command;
    const durationMs = now - this.startedAt;
    listeners.emit("execution", { name, type, isTerminal: isTerminal(type), durationMs, error });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"
  );
}
