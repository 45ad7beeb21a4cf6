/** Clients of node:tls that shake hands with a TlsEcho. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { expect } from "vitest";
import type { TestAuthority } from "./certificates.ts";
import type { TlsEcho } from "./tls-scene.ts";

/** Clients that trust this authority, until they are closed. */
export class TlsClients {
  readonly #authority: TestAuthority;
  readonly #sockets: TLSSocket[] = [];

  constructor(authority: TestAuthority) {
    this.#authority = authority;
  }

  /** Begins; whether it comes to anything is the caller's to see. */
  shake(echo: TlsEcho, options: ConnectionOptions = {}): TLSSocket {
    const socket = connect({
      host: "127.0.0.1",
      port: echo.port,
      ca: this.#authority.pem,
      servername: "server.example",
      ...options,
    });
    socket.on("error", () => undefined);
    this.#sockets.push(socket);
    return socket;
  }

  /** The client's connection, once what it has sent came back. */
  async connected(echo: TlsEcho, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = this.shake(echo, options);
    socket.write("hello");
    const [bytes] = await once(socket, "data");
    expect(String(bytes)).toBe("hello");
    return socket;
  }

  /** The session of a connection that was served. */
  async session(echo: TlsEcho, options: ConnectionOptions = {}): Promise<Buffer> {
    const socket = this.shake(echo, options);
    const session = new Promise<Buffer>((resolve) => socket.once("session", resolve));
    socket.write("hello");
    await once(socket, "data");
    return await session;
  }

  /** Waits for the server to refuse, which TLS 1.3 shows after the client's own handshake only. */
  async refused(echo: TlsEcho, options: ConnectionOptions = {}): Promise<void> {
    const before = echo.secured.length;
    const socket = this.shake(echo, options);
    socket.write("hello");
    socket.resume();
    await closed(socket);
    expect(echo.secured.length).toBe(before);
  }

  close(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }
}

export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}
