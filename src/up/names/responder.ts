import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { createServer, type Server, type Socket as TcpSocket } from "node:net";
import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  type Question,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
} from "dns-packet";
import type { Answer } from "./zone.ts";

/** Answers for names that the mesh does not know: the whole message in, the whole message out. */
export type Forward = (query: Buffer) => Promise<Buffer>;

export interface ResponderOptions {
  /** Where to listen; port 0 asks for a free one. */
  readonly host: string;
  readonly port: number;
  /** `client`: the asking pod's address. Asked anew for each query. */
  readonly lookup: (name: string, client: string) => Answer;
  readonly forward: Forward;
}

const TTL_SECONDS = 5;
const UDP_BYTES_MAX = 512;
const ATTEMPTS_MAX = 8;
const TCP_IDLE_MS = 10_000;
const TRUNCATED = 1 << 9;
const NXDOMAIN = 3;
const SERVFAIL = 2;

/** A small DNS server (RFC 1035) over UDP and TCP. */
export class Responder {
  readonly port: number;
  readonly #udp: Socket;
  readonly #tcp: Server;

  private constructor(udp: Socket, tcp: Server) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.port = udp.address().port;
  }

  /** A free UDP port may be taken in TCP: where any port will do, another one is tried. */
  static async listen(options: ResponderOptions): Promise<Responder> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await Responder.#listenOnce(options);
      } catch (error) {
        if (options.port !== 0 || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  static async #listenOnce(options: ResponderOptions): Promise<Responder> {
    const udp = createSocket("udp4");
    udp.on("message", (query, from) => void answerDatagram(udp, query, from, options));
    await new Promise<void>((resolve, reject) => {
      udp.once("error", reject);
      udp.bind(options.port, options.host, resolve);
    });
    const tcp = createServer((socket) => serveStream(socket, options));
    await new Promise<void>((resolve, reject) => {
      tcp.once("error", (error) => {
        udp.close();
        reject(error);
      });
      tcp.listen(udp.address().port, options.host, resolve);
    });
    // From here on an error concerns one client, who asks again.
    udp.on("error", () => {});
    return new Responder(udp, tcp);
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
  }
}

async function answerDatagram(
  udp: Socket,
  query: Buffer,
  from: RemoteInfo,
  options: ResponderOptions,
): Promise<void> {
  const reply = await answer(query, from.address, options);
  if (reply === undefined) return;
  udp.send(fitted(reply, query), from.port, from.address, () => {});
}

/** Over TCP each message has its length in two bytes before it (RFC 1035, 4.2.2). */
function serveStream(socket: TcpSocket, options: ResponderOptions): void {
  let received = Buffer.alloc(0);
  socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      const query = received.subarray(2, end);
      received = received.subarray(end);
      void answer(query, socket.remoteAddress ?? "", options).then((reply) => {
        if (reply === undefined) return;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        socket.write(Buffer.concat([length, reply]));
      });
    }
  });
}

/** Undefined for what is no query: it gets no reply. */
async function answer(
  query: Buffer,
  client: string,
  { lookup, forward }: ResponderOptions,
): Promise<Buffer | undefined> {
  const packet = parse(query);
  const question = packet?.questions?.[0];
  if (packet === undefined || question === undefined || packet.type !== "query") return undefined;
  const found = lookup(question.name, client);
  if (found.kind !== "elsewhere") return encode(reply(packet, question, found));
  try {
    return await forward(query);
  } catch {
    return encode({ ...header(packet, SERVFAIL), questions: [question] });
  }
}

function parse(message: Buffer): Packet | undefined {
  try {
    return decode(message);
  } catch {
    return undefined;
  }
}

function reply(packet: Packet, question: Question, found: Answer): Packet {
  if (found.kind !== "addresses") return { ...header(packet, NXDOMAIN), questions: [question] };
  const wanted = question.type === "A" || String(question.type) === "ANY";
  const answers = (wanted ? found.addresses : []).map(
    (data) => ({ type: "A", class: "IN", name: question.name, ttl: TTL_SECONDS, data }) as const,
  );
  return { ...header(packet, 0), questions: [question], answers };
}

function header(packet: Packet, code: number): Packet {
  const asked = (packet.flags ?? 0) & RECURSION_DESIRED;
  const flags = AUTHORITATIVE_ANSWER | RECURSION_AVAILABLE | asked | code;
  return { type: "response", id: packet.id ?? 0, flags };
}

/** A reply too long for a datagram is cut to its head; the client asks again over TCP. */
function fitted(reply: Buffer, query: Buffer): Buffer {
  const limit = Math.max(UDP_BYTES_MAX, offeredBytes(query));
  if (reply.length <= limit) return reply;
  const packet = decode(reply);
  return encode({
    type: "response",
    id: packet.id ?? 0,
    flags: (packet.flags ?? 0) | TRUNCATED,
    questions: packet.questions ?? [],
  });
}

/** EDNS(0), RFC 6891: the datagram size that the client can take. */
function offeredBytes(query: Buffer): number {
  const option = parse(query)?.additionals?.find((record) => record.type === "OPT");
  return option?.type === "OPT" ? option.udpPayloadSize : 0;
}
