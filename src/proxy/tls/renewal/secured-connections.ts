import type { TLSSocket } from "node:tls";
import type { Clock } from "../../../base/clock.ts";

/**
 * How long what is busy may go on under a certificate or bundle that has been replaced. Envoy's
 * drain time of ten minutes; Envoy itself lets such connections be.
 */
export const RENEWAL_DRAIN_MS = 600_000;
/** The same for peers that would not be believed any more: Envoy's usual timeout of a request. */
export const CUT_DRAIN_MS = 15_000;

/** A connection that one generation of a context has secured. */
export interface SecuredConnection {
  readonly socket: TLSSocket;
  /** Which generation of the context that was. */
  readonly generation: number;
  /** Takes nothing new, and ends with what is under way; does nothing where it cannot tell. */
  drain(): void;
}

/**
 * The connections of one context, so that none outlives what it was secured with for long: who is
 * of an older generation drains at once and is closed after `RENEWAL_DRAIN_MS`, or after
 * `CUT_DRAIN_MS` where its peer would not be believed any more.
 */
export class SecuredConnections {
  readonly #clock: Clock;
  readonly #isBelieved: (socket: TLSSocket) => boolean;
  readonly #open = new Set<SecuredConnection>();
  #generation = 1;

  constructor(clock: Clock, isBelieved: (socket: TLSSocket) => boolean) {
    this.#clock = clock;
    this.#isBelieved = isBelieved;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Follows it until it closes. */
  add(connection: SecuredConnection): void {
    this.#open.add(connection);
    connection.socket.once("close", () => this.#open.delete(connection));
    if (connection.generation !== this.#generation) this.#retire([connection], true);
  }

  /** @param trustsLess Whether somebody may be believed no more who was before. */
  renewed(generation: number, trustsLess: boolean): void {
    this.#generation = generation;
    this.#retire([...this.#open], trustsLess);
  }

  #retire(connections: readonly SecuredConnection[], trustsLess: boolean): void {
    const cut: SecuredConnection[] = [];
    const rest: SecuredConnection[] = [];
    for (const connection of connections) {
      const believed = !trustsLess || this.#isBelieved(connection.socket);
      (believed ? rest : cut).push(connection);
      connection.drain();
    }
    this.#closeIn(CUT_DRAIN_MS, cut);
    this.#closeIn(RENEWAL_DRAIN_MS, rest);
  }

  #closeIn(delayMs: number, connections: readonly SecuredConnection[]): void {
    if (connections.length === 0) return;
    this.#clock.after(delayMs, () => {
      for (const connection of connections) {
        if (this.#open.has(connection)) connection.socket.destroy();
      }
    });
  }
}
