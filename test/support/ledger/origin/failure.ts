/** How an origin fails on purpose. */

/**
 * `resetBeforeReply` and `closeBeforeReply` after the whole request came; `resetMidReply` and
 * `closeMidReply` after half of the answer; `wrongBody` as long as it should be, `shortBody`
 * shorter than asked yet well formed; `unavailable` a 503; `silent` never anything;
 * `closeAfterReply` ends a connection that said nothing of it, `sayClose` says so before;
 * `refuse` takes nothing and records nothing (REFUSED_STREAM; else a reset before execution).
 */
export type FailureMode =
  | "resetBeforeReply"
  | "closeBeforeReply"
  | "resetMidReply"
  | "closeMidReply"
  | "wrongBody"
  | "shortBody"
  | "unavailable"
  | "silent"
  | "closeAfterReply"
  | "sayClose"
  | "refuse";

export interface Failure {
  readonly mode: FailureMode;
  /** Each so manieth request of the origin fails so; 1 for all. */
  readonly every: number;
}

/** The first failure whose turn it is. */
export class Failures {
  #failures: readonly Failure[];
  #count = 0;

  constructor(failures: readonly Failure[]) {
    this.#failures = failures;
  }

  set(failures: readonly Failure[]): void {
    this.#failures = failures;
  }

  next(): FailureMode | undefined {
    this.#count++;
    return this.#failures.find(({ every }) => this.#count % every === 0)?.mode;
  }
}

/** The body that a mode makes of the right one. */
export function spoiled(body: Buffer, mode: FailureMode | undefined): Buffer {
  if (mode === "shortBody") return body.subarray(0, Math.max(0, body.length - 1));
  if (mode === "wrongBody") return Buffer.alloc(body.length, "?");
  return body;
}
