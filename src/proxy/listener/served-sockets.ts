import type { Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { CUT_DRAIN_MS, RENEWAL_DRAIN_MS } from "../tls/renewal/secured-connections.ts";
import type { Accepted } from "./accepted.ts";
import type { ChainSet, CompiledChain } from "./filter-chain.ts";
import type { FirstBytes } from "./first-bytes.ts";
import { Ends } from "./match/ends.ts";

interface Served {
  readonly chain: CompiledChain;
  readonly accepted: Accepted;
  /** What its client began with. */
  readonly says: FirstBytes;
}

/**
 * What a listener serves, by filter chain, so that no connection outlives its chain for long: one
 * whose chain is gone or another now is closed in the end (Envoy: draining of filter chains, for
 * --drain-time-s), and soon where the listener would not take it any more, as plaintext once a
 * port is STRICT.
 */
export class ServedSockets {
  readonly #clock: Clock;
  readonly #open = new Map<Socket, Served>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Follows it until it closes. */
  add(accepted: Accepted, chain: CompiledChain, says: FirstBytes): void {
    const { socket } = accepted;
    this.#open.set(socket, { chain, accepted, says });
    socket.once("close", () => this.#open.delete(socket));
  }

  /** The listener has these chains from now on. */
  chainsChanged(chains: ChainSet): void {
    const staying = chains.texts;
    const refused: Socket[] = [];
    const rest: Socket[] = [];
    for (const [socket, { accepted, chain, says }] of this.#open) {
      if (staying.has(chain.text)) continue;
      const taken = chains.find(new Ends(accepted), says) !== undefined;
      (taken ? rest : refused).push(socket);
    }
    this.#closeIn(CUT_DRAIN_MS, refused);
    this.#closeIn(RENEWAL_DRAIN_MS, rest);
  }

  #closeIn(delayMs: number, sockets: readonly Socket[]): void {
    if (sockets.length === 0) return;
    this.#clock.after(delayMs, () => {
      for (const socket of sockets) if (this.#open.has(socket)) socket.destroy();
    });
  }
}
