// hot path: no allocation per request
import type { Outcome, Permit } from "../../breaker/breaker.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { HostMonitor } from "../cluster/host-monitor.ts";
import { outcomeOf } from "./outcome.ts";

/** Whose term it is. */
export interface TermOwner {
  /** A try begins; 0: it should not have been let through. */
  admit(): Permit;
  record(outcome: Outcome, permit: Permit): void;
  /** A bad answer, which may say when to come again. */
  onBadAnswer(headers: HeaderTable, permit: Permit): void;
}

/**
 * What is heard of an endpoint between two changes of its state. Tries keep the term that they
 * began in, so that answers of an earlier one are known for what they are: late.
 */
export class Term implements HostMonitor {
  readonly #owner: TermOwner;
  #permit: Permit = 0;
  /** Tries that were judged by their head, and have not ended yet. */
  #judged = 0;

  constructor(owner: TermOwner) {
    this.#owner = owner;
  }

  onStart(): void {
    const permit = this.#owner.admit();
    if (permit !== 0) this.#permit = permit;
  }

  /** Of TCP nothing more is heard. */
  onConnected(final: boolean): void {
    if (final) this.#owner.record("success", this.#permit);
  }

  /** A bad answer counts at once, since a retry hears of no end; so does a change of protocol. */
  onResponse(status: number, grpcStatus: number, headers: HeaderTable): void {
    const outcome = outcomeOf(status, grpcStatus);
    if (outcome === "success" && status !== 101) return;
    this.#judged++;
    if (outcome !== "success") this.#owner.onBadAnswer(headers, this.#permit);
    this.#owner.record(outcome, this.#permit);
  }

  onEnd(status: number, grpcStatus: number): void {
    const outcome = outcomeOf(status, grpcStatus);
    if ((outcome !== "success" || status === 101) && this.#wasJudged()) return;
    this.#owner.record(outcome, this.#permit);
  }

  onTimeout(): void {
    this.#owner.record("failure", this.#permit);
  }

  onReset(): void {
    if (!this.#wasJudged()) this.#owner.record("failure", this.#permit);
  }

  onCancel(): void {
    if (!this.#wasJudged()) this.#owner.record("ignored", this.#permit);
  }

  onLateResponse(): void {
    // It has failed already.
  }

  onLateReset(): void {
    // Likewise.
  }

  #wasJudged(): boolean {
    if (this.#judged === 0) return false;
    this.#judged--;
    return true;
  }
}
