import { createServer, type Server, type Socket } from "node:net";
import type { Address, SocketAddress } from "../../model/address.ts";

const BACKLOG_MAX = 1024;

/** How an address is bound where several threads, the workers of one proxy, listen on it. */
export interface Binding {
  /** With SO_REUSEPORT: the kernel spreads connections over all who have bound it. */
  readonly shared: boolean;
  /** The first to bind makes sure that the address is not another program's. */
  readonly first: boolean;
  /** Paths cannot be shared: one worker has them all. */
  readonly paths: boolean;
  /** By the listener's name: what the kernel chose for a configured port 0. */
  readonly ports: ReadonlyMap<string, number>;
}

/** One thread listens. */
export const ALONE: Binding = { shared: false, first: true, paths: true, ports: new Map() };

/** True where a connection has a descriptor that connections must not have. */
export type IsShort = (socket: Socket) => boolean;

const NEVER: IsShort = () => false;

/**
 * An address that is listened on. Connections that come before somebody serves them wait, so that
 * a configuration can bind all its addresses before any of it takes effect; and whoever serves may
 * change without a moment at which connections are refused.
 */
export class BoundSocket {
  readonly #server: Server;
  readonly #waiting: Socket[] = [];
  readonly #isShort: IsShort;
  #take: ((socket: Socket) => void) | undefined;

  private constructor(isShort: IsShort) {
    this.#isShort = isShort;
    this.#server = createServer(
      { allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
      (socket) => this.#accept(socket),
    );
  }

  /** Rejects where the address cannot be bound. */
  static async bind(
    address: Address,
    binding: Binding = ALONE,
    isShort: IsShort = NEVER,
  ): Promise<BoundSocket> {
    const shared = binding.shared && address.kind !== "pipe";
    if (!shared || !binding.first) return BoundSocket.#listen(address, shared, isShort);
    // Whoever else shares the address would let us share it too: alone, we are refused.
    const probe = await BoundSocket.#listen(address, false, isShort);
    const found = probe.address ?? address;
    probe.close();
    return BoundSocket.#listen(found, true, isShort);
  }

  static async #listen(
    address: Address,
    reusePort: boolean,
    isShort: IsShort,
  ): Promise<BoundSocket> {
    const bound = new BoundSocket(isShort);
    const server = bound.#server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      const done = (): void => {
        server.off("error", reject);
        // Accepting may fail for a while (EMFILE): that ends nothing.
        server.on("error", () => undefined);
        resolve();
      };
      if (address.kind === "pipe") server.listen(address.path, BACKLOG_MAX, done);
      else server.listen({ ...place(address), backlog: BACKLOG_MAX, reusePort }, done);
    });
    return bound;
  }

  /** With the port that the kernel chose; undefined once closed. */
  get address(): Address | undefined {
    const bound = this.#server.address();
    if (bound === null) return undefined;
    if (typeof bound === "string") return { kind: "pipe", path: bound };
    return { kind: "socket", host: bound.address, port: bound.port };
  }

  /** From now on connections are this one's, beginning with those that wait. */
  serve(take: (socket: Socket) => void): void {
    this.#take = take;
    for (const socket of this.#waiting.splice(0)) take(socket);
  }

  /** Connections that come wait until somebody serves them again. */
  hold(): void {
    this.#take = undefined;
  }

  /** As many may wait as the kernel would have kept waiting. */
  #accept(socket: Socket): void {
    if (this.#take !== undefined) this.#take(socket);
    else if (this.#waiting.length < BACKLOG_MAX && !this.#isShort(socket)) this.#keep(socket);
    else socket.destroy();
  }

  /** A client that gives up while it waits is not told of: nothing is read of it. */
  #keep(socket: Socket): void {
    socket.on("error", () => undefined);
    this.#waiting.push(socket);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }
}

function place({ host, port }: SocketAddress): { readonly host: string; readonly port: number } {
  return { host, port };
}
