import type { HealthCheck } from "../../../model/upstream/health-check.ts";
import type { Host } from "../../cluster/host.ts";
import { type Offer, Transport, type TransportOwner } from "../../upstream/transport.ts";
import type { CheckOutcome } from "./outcome.ts";
import { passed } from "./outcome.ts";
import { checkedAddress, type Probe, type ProbeOwner } from "./probe.ts";

/**
 * Asks on a connection that has one check at a time, and nothing beside it.
 *
 * ```
 *   idle -> connecting -> asking -> kept -> asking ...
 *             +------------+--------+--> idle (closed)
 * ```
 */
export abstract class SocketProbe implements Probe, TransportOwner {
  protected readonly host: Host;
  readonly #config: HealthCheck;
  readonly #owner: ProbeOwner;
  readonly #offer: Offer;
  #transport: Transport | undefined;
  #asking = false;

  constructor(host: Host, config: HealthCheck, owner: ProbeOwner, offer: Offer) {
    this.host = host;
    this.#config = config;
    this.#owner = owner;
    this.#offer = offer;
  }

  /** The connection is there: writes the question, or ends the check. */
  protected abstract ask(transport: Transport): void;
  /** Reads what comes for the check under way. */
  protected abstract take(bytes: Buffer): void;
  /** The peer has ended. The outcome of the check under way. */
  protected abstract ended(): CheckOutcome;

  check(): void {
    this.#asking = true;
    const transport = this.#transport;
    if (transport !== undefined) {
      this.ask(transport);
      return;
    }
    const address = checkedAddress(this.host);
    this.#transport = new Transport(this.host, this, this.#offer, address);
  }

  cancel(): void {
    this.#asking = false;
    this.#drop();
  }

  close(): void {
    this.cancel();
  }

  onOpen(): void {
    if (this.#asking && this.#transport !== undefined) this.ask(this.#transport);
  }

  onBytes(bytes: Buffer): void {
    if (this.#asking) this.take(bytes);
    // What nobody asked for cannot be an answer to the next question.
    else this.#drop();
  }

  onDrain(): void {
    // Questions are short.
  }

  onEnd(): void {
    this.#lost(this.#asking ? this.ended() : "network");
  }

  onError(): void {
    this.#lost("network");
  }

  onClose(): void {
    this.#lost("network");
  }

  onFault(error: unknown): void {
    this.#owner.onFault(error);
    this.#lost("network");
  }

  /** `reusable`: the connection may carry another check. */
  protected end(outcome: CheckOutcome, reusable: boolean): void {
    if (!this.#asking) return;
    this.#asking = false;
    if (!reusable || !passed(outcome) || !this.#config.reuseConnection) this.#drop();
    this.#owner.onOutcome(outcome);
  }

  #lost(outcome: CheckOutcome): void {
    this.#drop();
    this.end(outcome, false);
  }

  #drop(): void {
    const transport = this.#transport;
    this.#transport = undefined;
    transport?.handTo(NOBODY);
    transport?.socket.destroy();
  }
}

/** Whom a connection tells that has been given up. */
const NOBODY: TransportOwner = {
  onOpen: nothing,
  onBytes: nothing,
  onDrain: nothing,
  onEnd: nothing,
  onError: nothing,
  onClose: nothing,
  onFault: nothing,
};

function nothing(): void {
  // Nobody listens.
}
