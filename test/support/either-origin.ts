/** An origin that answers with how it was asked, and speaks plain HTTP and HTTPS on one port. */
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import { createServer, type Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { TestCertificate } from "./certificates.ts";

const HANDSHAKE = 0x16;

/** Answers `tls SUBJECT` with the client's subject (`-` for none), or `plain`. */
export class EitherOrigin {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** What its connections were so far, in the order in which they came. */
  readonly seen: ("tls" | "plain")[] = [];

  private constructor({ chain, key }: TestCertificate) {
    const options = { cert: chain, key, requestCert: true, rejectUnauthorized: false };
    const secure = createHttps(options, (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerX509Certificate() ?? {};
      response.end(`tls ${subject ?? "-"}`);
    });
    const plain = createHttp((_, response) => response.end("plain"));
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("data", (bytes: Buffer) => {
        const isTls = bytes[0] === HANDSHAKE;
        this.seen.push(isTls ? "tls" : "plain");
        socket.pause();
        socket.unshift(bytes);
        (isTls ? secure : plain).emit("connection", socket);
        process.nextTick(() => socket.resume());
      });
    });
  }

  static async listen(certificate: TestCertificate): Promise<EitherOrigin> {
    const origin = new EitherOrigin(certificate);
    origin.#server.listen(0, "127.0.0.1");
    await once(origin.#server, "listening");
    return origin;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
