/**
 * `halfOpen`: some calls are let through on probation. `open` lets nothing through (Hystrix's
 * word).
 */
export type CircuitState = "closed" | "open" | "halfOpen";

/** What somebody has decided over the circuit's head. */
export type Forced = "no" | "open" | "closed";

/**
 * What became of a call that was let through. `ignored`: neither good nor bad (Hystrix's
 * BAD_REQUEST, a call that its caller gave up). `throttled`: 429 or RESOURCE_EXHAUSTED, which
 * spoils the share of successes and a probation, but is no failure in a row (Linkerd's `unified`).
 */
export type Outcome = "success" | "failure" | "throttled" | "ignored";

/**
 * Which call it was: a number above 0 that `record` takes back; 0: not let through. Answers to
 * calls that were let through before the circuit last changed do not move it.
 */
export type Permit = number;

/**
 * A circuit. Synchronous, without timers and without allocation; `now` is any clock that does not
 * go back, in milliseconds from 0 on.
 */
export interface Breaker {
  /** As of the last call: an open circuit whose time is over stays `open` until somebody asks. */
  readonly state: CircuitState;
  /** When it last changed, milliseconds of the same clock; 0: never. */
  readonly changedAt: number;
  /** Asks for one call. Every permit is answered by one `record`. */
  acquire(now: number): Permit;
  /** `acquire` for callers that keep no permit: theirs is the newest. */
  allow(now: number): boolean;
  record(outcome: Outcome, now: number, permit?: Permit): void;
}
