import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { createServer, isIPv6, type Server, type Socket as TcpSocket } from "node:net";
import type { Answerer } from "./answerer.ts";
import { MessageStream, withLength } from "./message-stream.ts";
import { fitted } from "./reply.ts";
import type { Asker } from "./zone.ts";

export interface ResponderOptions {
  /** Where to listen; port 0 asks for a free one. */
  readonly host: string;
  readonly port: number;
  readonly answerer: Answerer;
  /** Who has this address. Asked anew for each query. */
  readonly askerAt: (address: string) => Asker;
}

const PORT_ATTEMPTS_MAX = 8;
const TCP_IDLE_MS = 10_000;
const TCP_CLIENTS_MAX = 256;
/** Questions of one TCP client whose answers it has not taken; more wait in its socket. */
const TCP_PENDING_MAX = 32;
/** No query is longer: a name, a type and a few options. */
const QUERY_BYTES_MAX = 4096;

/** A small DNS server (RFC 1035, RFC 7766) over UDP and TCP. */
export class Responder {
  readonly port: number;
  readonly #udp: Socket;
  readonly #tcp: Server;
  readonly #clients: ReadonlySet<TcpSocket>;

  private constructor(udp: Socket, tcp: Server, clients: ReadonlySet<TcpSocket>) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.#clients = clients;
    this.port = udp.address().port;
  }

  /** A free UDP port may be taken in TCP: where any port will do, another one is tried. */
  static async listen(options: ResponderOptions): Promise<Responder> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await Responder.#listenOnce(options);
      } catch (error) {
        if (options.port !== 0 || attempt === PORT_ATTEMPTS_MAX) throw error;
      }
    }
  }

  static async #listenOnce(options: ResponderOptions): Promise<Responder> {
    const udp = createSocket(isIPv6(options.host) ? "udp6" : "udp4");
    udp.on("message", (query, from) => void answerDatagram(udp, query, from, options));
    await new Promise<void>((resolve, reject) => {
      udp.once("error", reject);
      udp.bind(options.port, options.host, resolve);
    });
    const clients = new Set<TcpSocket>();
    const tcp = createServer({ allowHalfOpen: true }, (socket) =>
      serveStream(socket, clients, options),
    );
    await new Promise<void>((resolve, reject) => {
      tcp.once("error", (error) => {
        udp.close();
        reject(error);
      });
      tcp.listen(udp.address().port, options.host, resolve);
    });
    // From here on an error concerns one client, who asks again.
    udp.on("error", () => {});
    tcp.removeAllListeners("error").on("error", () => {});
    return new Responder(udp, tcp, clients);
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
    for (const client of this.#clients) client.destroy();
  }
}

async function answerDatagram(
  udp: Socket,
  message: Buffer,
  from: RemoteInfo,
  { answerer, askerAt }: ResponderOptions,
): Promise<void> {
  const answered = await answerer.answer(message, askerAt(from.address), "udp");
  if (answered === undefined) return;
  const { reply, query } = answered;
  try {
    udp.send(query ? fitted(reply, query) : reply, from.port, from.address, () => {});
  } catch {
    // Closed while the answer was looked for.
  }
}

function serveStream(
  socket: TcpSocket,
  clients: Set<TcpSocket>,
  { answerer, askerAt }: ResponderOptions,
): void {
  socket.on("error", () => socket.destroy());
  if (clients.size >= TCP_CLIENTS_MAX) {
    socket.destroy();
    return;
  }
  clients.add(socket);
  socket.on("close", () => clients.delete(socket));
  socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
  const asker = askerAt(socket.remoteAddress ?? "");
  const stream = new MessageStream(QUERY_BYTES_MAX);
  let pending = 0;
  let ended = false;
  const settle = (): void => {
    pending -= 1;
    if (socket.destroyed) return;
    if (pending === 0 && ended) socket.end();
    else if (pending < TCP_PENDING_MAX) socket.resume();
  };
  // Who has asked everything may say so, and still hears the answers.
  socket.on("end", () => {
    ended = true;
    if (pending === 0) socket.end();
  });
  socket.on("data", (chunk: Buffer) => {
    const messages = stream.take(chunk);
    if (messages === undefined) {
      socket.destroy();
      return;
    }
    pending += messages.length;
    if (pending >= TCP_PENDING_MAX) socket.pause();
    for (const message of messages) {
      void answerer.answer(message, asker, "tcp").then((answered) => {
        if (answered === undefined || !socket.writable) settle();
        else socket.write(withLength(answered.reply), settle);
      });
    }
  });
}
