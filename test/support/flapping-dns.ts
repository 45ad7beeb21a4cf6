/** A DNS server that answers in turn as a test says: well, badly, or not at all. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { decode, encode } from "dns-packet";
import { type SocketAddress, socketAddress } from "../../src/model/address.ts";

/** Addresses, which may be none; how the server refuses; or bytes that are no answer. */
export type DnsTurn = readonly string[] | "NXDOMAIN" | "SERVFAIL" | "nonsense" | "silence";

const RCODES: Readonly<Record<string, number>> = { SERVFAIL: 2, NXDOMAIN: 3 };

export class FlappingDns {
  readonly #socket = createSocket("udp4");
  #turns: readonly DnsTurn[];
  /** Of IPv4 addresses; others have none. */
  questions = 0;

  private constructor(turns: readonly DnsTurn[]) {
    this.#turns = turns;
    this.#socket.on("message", (bytes, { address, port }) => {
      const answer = this.#answer(bytes);
      if (answer !== undefined) this.#socket.send(answer, port, address);
    });
  }

  static async listen(turns: readonly DnsTurn[]): Promise<FlappingDns> {
    const server = new FlappingDns(turns);
    server.#socket.bind(0, "127.0.0.1");
    await once(server.#socket, "listening");
    return server;
  }

  get address(): SocketAddress {
    return socketAddress("127.0.0.1", this.#socket.address().port);
  }

  /** From now on, from the first one. */
  turn(turns: readonly DnsTurn[]): void {
    this.#turns = turns;
    this.questions = 0;
  }

  stop(): void {
    this.#socket.close();
  }

  #answer(bytes: Buffer): Buffer | undefined {
    const { id, questions = [] } = decode(bytes);
    const [question] = questions;
    if (question === undefined) return undefined;
    const wanted = question.type === "A" ? this.#turns[this.questions++ % this.#turns.length] : [];
    if (wanted === undefined || wanted === "silence") return undefined;
    if (wanted === "nonsense") return Buffer.from("nonsense");
    const rcode = typeof wanted === "string" ? (RCODES[wanted] ?? 0) : 0;
    const addresses = typeof wanted === "string" ? [] : wanted;
    return encode({
      type: "response",
      id: id ?? 0,
      flags: rcode,
      questions,
      answers: addresses.map((data) => ({ type: "A", name: question.name, ttl: 1, data })),
    });
  }
}
