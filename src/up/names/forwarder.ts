import type { Clock, Timer } from "../../base/clock.ts";
import type { Transport } from "./answerer.ts";
import { CODE, HEADER_BYTES, type Query } from "./query.ts";

/** One question to one server, under way. */
export interface Asking {
  /** Ends it; no reply is told any more. */
  cancel(): void;
}

/** What becomes of an asking: replies until it is cancelled, or its failure. */
export interface AskingOwner {
  onReply(reply: Buffer): void;
  onFailure(): void;
}

/** Opens a way of its own to the server for each question. */
export type Ask = (
  server: string,
  message: Buffer,
  transport: Transport,
  owner: AskingOwner,
) => Asking;

export interface ForwardObserver {
  /** A question went to a server. */
  forwarded(): void;
  /** A question that no server answered. */
  failed(): void;
}

export interface ForwarderOptions {
  /** Addresses, in the order in which they are asked. */
  readonly servers: readonly string[];
  readonly ask: Ask;
  readonly clock: Clock;
  /** 0 to 65535, not to be foreseen. */
  readonly nextId: () => number;
  readonly observer: ForwardObserver;
}

/** As resolv.conf (5): no more than three are looked at. */
const SERVERS_MAX = 3;
const TIMEOUT_MS = 2000;
/** More than this at a time are refused at once. */
const IN_FLIGHT_MAX = 512;
/** Replies to something else that one question bears, before its server counts as failed. */
const STRAY_REPLIES_MAX = 16;
const RESPONSE = 0x8000;
const OPCODE = 0x7800;

/**
 * Hands questions on to the host's own resolvers: the one that answered last first, the next one
 * where it is silent or cannot. Each question has an id by chance and a socket, so a port, of its
 * own; a reply that does not repeat both the id and the question is passed over (RFC 5452).
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #servers: readonly string[];
  #first = 0;
  #inFlight = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#servers = options.servers.slice(0, SERVERS_MAX);
  }

  /** The reply, with the query's own id. Rejects where nobody gave one. */
  async forward(query: Query, transport: Transport): Promise<Buffer> {
    if (this.#inFlight >= IN_FLIGHT_MAX) {
      this.#options.observer.failed();
      throw new Error("too many questions are under way");
    }
    this.#inFlight += 1;
    try {
      const reply = await this.#askInTurn(query, transport);
      if (reply === undefined) throw new Error("no resolver answered");
      reply.writeUInt16BE(query.id, 0);
      return reply;
    } catch (error) {
      this.#options.observer.failed();
      throw error;
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** What the last one said where each one failed in words. */
  async #askInTurn(query: Query, transport: Transport): Promise<Buffer | undefined> {
    let said: Buffer | undefined;
    const start = this.#first;
    for (let turn = 0; turn < this.#servers.length; turn++) {
      const index = (start + turn) % this.#servers.length;
      const reply = await this.#askOne(this.#servers[index] ?? "", query, transport);
      said = reply ?? said;
      if (reply === undefined || hasFailed(reply)) continue;
      this.#first = index;
      return reply;
    }
    return said;
  }

  #askOne(server: string, query: Query, transport: Transport): Promise<Buffer | undefined> {
    const { ask, clock, nextId, observer } = this.#options;
    const message = Buffer.from(query.bytes);
    message.writeUInt16BE(nextId(), 0);
    observer.forwarded();
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      let asking: Asking | undefined;
      let strays = 0;
      let over = false;
      const end = (reply: Buffer | undefined): void => {
        if (over) return;
        over = true;
        timer?.cancel();
        asking?.cancel();
        resolve(reply);
      };
      timer = clock.after(TIMEOUT_MS, () => end(undefined));
      asking = ask(server, message, transport, {
        onReply: (reply) => {
          if (answers(reply, message, query.questionEnd)) end(Buffer.from(reply));
          else if (++strays >= STRAY_REPLIES_MAX) end(undefined);
        },
        onFailure: () => end(undefined),
      });
      if (over) asking.cancel();
    });
  }
}

/** True for the reply to exactly this question; names may differ in case. */
function answers(reply: Buffer, message: Buffer, questionEnd: number): boolean {
  if (reply.length < questionEnd || reply.readUInt16BE(0) !== message.readUInt16BE(0)) return false;
  const flags = reply.readUInt16BE(2);
  if ((flags & RESPONSE) === 0 || (flags & OPCODE) !== 0 || reply.readUInt16BE(4) !== 1) {
    return false;
  }
  const questionIn = (bytes: Buffer): string =>
    bytes.toString("latin1", HEADER_BYTES, questionEnd).toLowerCase();
  return questionIn(reply) === questionIn(message);
}

/** The next server may do better, as resolvers take it. */
function hasFailed(reply: Buffer): boolean {
  const code = reply.readUInt16BE(2) & 15;
  return code === CODE.serverFailure || code === CODE.refused || code === CODE.notImplemented;
}
