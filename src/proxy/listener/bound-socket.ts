import { createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { type Address, formatAddress, type SocketAddress } from "../../model/address.ts";
import {
  fdOf,
  type HeldSocket,
  type Inheritance,
  NOTHING_INHERITED,
} from "../graceful/inheritance.ts";

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
  /** By the address: what a predecessor has listened with (graceful/inheritance.ts). */
  readonly inherited: Inheritance;
}

/** One thread listens. */
export const ALONE: Binding = {
  shared: false,
  first: true,
  paths: true,
  ports: new Map(),
  inherited: NOTHING_INHERITED,
};

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
  /** Inherited, and not yet listened with: connections wait in the kernel. */
  readonly #inherited: (readonly [Server, number])[] = [];
  /** Further sockets of the address, that a predecessor had more of. */
  readonly #others: Server[] = [];
  #known: Address | undefined;

  private constructor(isShort: IsShort) {
    this.#isShort = isShort;
    this.#server = this.#makeServer();
  }

  #makeServer(): Server {
    return createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    );
  }

  /** Rejects where the address cannot be bound. */
  static async bind(
    address: Address,
    binding: Binding = ALONE,
    isShort: IsShort = NEVER,
  ): Promise<BoundSocket> {
    const shared = binding.shared && address.kind !== "pipe";
    const inherited = binding.inherited.get(formatAddress(address));
    if (inherited !== undefined) return BoundSocket.#inherit(address, inherited, isShort);
    if (!shared || !binding.first) return BoundSocket.#listen(address, shared, isShort);
    // Whoever else shares the address would let us share it too: alone, we are refused.
    const probe = await BoundSocket.#listen(address, false, isShort);
    const found = probe.address ?? address;
    probe.close();
    return BoundSocket.#listen(found, true, isShort);
  }

  /** None: other workers have them all, and this one adds one of its own. */
  static async #inherit(
    address: Address,
    fds: readonly number[],
    isShort: IsShort,
  ): Promise<BoundSocket> {
    const [first, ...others] = fds;
    if (first === undefined) return BoundSocket.#listen(address, true, isShort);
    const bound = new BoundSocket(isShort);
    bound.#known = address;
    bound.#inherited.push([bound.#server, first]);
    for (const fd of others) {
      const server = bound.#makeServer();
      bound.#others.push(server);
      bound.#inherited.push([server, fd]);
    }
    return bound;
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
    if (this.#inherited.length > 0) return this.#known;
    const bound = this.#server.address();
    if (bound === null) return undefined;
    if (typeof bound === "string") return { kind: "pipe", path: bound };
    return { kind: "socket", host: bound.address, port: bound.port };
  }

  /** From now on connections are this one's, beginning with those that wait. */
  serve(take: (socket: Socket) => void): void {
    this.#take = take;
    for (const [server, fd] of this.#inherited.splice(0)) {
      server.on("error", () => undefined);
      server.listen({ fd, backlog: BACKLOG_MAX });
    }
    for (const socket of this.#waiting.splice(0)) take(socket);
  }

  /** What a successor can go on with. */
  get held(): readonly HeldSocket[] {
    const { address } = this;
    if (address === undefined) return [];
    const text = formatAddress(address);
    return [this.#server, ...this.#others].flatMap((server) => {
      const fd = fdOf(server);
      return fd === undefined ? [] : [{ address: text, fd }];
    });
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
    // Of what was inherited and never served the descriptors stay, for another configuration.
    this.#server.close();
    for (const server of this.#others) server.close();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }
}

/** `::` leaves IPv4 to `0.0.0.0`, as Envoy's addresses do without `ipv4_compat`. */
function place({ host, port }: SocketAddress): ListenOptions {
  return { host, port, ipv6Only: host.includes(":") };
}
