import type { Steps } from "./authenticator.ts";
import { type JwtStatus, VERIFICATION_FAILS } from "./status.ts";

/** Who waits for the outcome. */
export interface VerificationOwner {
  /** In a later turn than `run`, once, unless it was cancelled. */
  onVerified(status: JwtStatus): void;
  onFault(error: unknown): void;
}

/** Takes the steps of looking at one request: at once as far as nothing has to be waited for. */
export class Verification {
  readonly #steps: Steps;
  readonly #owner: VerificationOwner;
  #cancelled = false;

  constructor(steps: Steps, owner: VerificationOwner) {
    this.#steps = steps;
    this.#owner = owner;
  }

  /** The outcome; undefined where the owner is told later. */
  run(): JwtStatus | undefined {
    const { done, value } = this.#steps.next();
    if (done === true) return value;
    value.then(
      () => this.#goOn(),
      (error) => this.#fail(error),
    );
    return undefined;
  }

  /** Nobody wants the outcome any more. */
  cancel(): void {
    this.#cancelled = true;
  }

  #goOn(): void {
    if (this.#cancelled) return;
    try {
      const status = this.run();
      if (status !== undefined) this.#owner.onVerified(status);
    } catch (error) {
      this.#owner.onFault(error);
    }
  }

  /** A mistake of this program lets nobody in. */
  #fail(error: unknown): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    try {
      this.#owner.onVerified(VERIFICATION_FAILS);
    } finally {
      this.#owner.onFault(error);
    }
  }
}
