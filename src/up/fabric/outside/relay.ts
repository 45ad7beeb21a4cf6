import {
  type AddressInfo,
  createServer,
  type ListenOptions,
  type Server,
  type Socket,
} from "node:net";
import type { SocketAddress } from "../../../model/address.ts";
import { originalDestination } from "../../../proxy/listener/original-destination.ts";
import { OwnRanges } from "../../names/reverse.ts";
import type { Dial } from "./door.ts";

export interface RelayOptions {
  /** Where the pods' packets for the outside arrive, redirected. */
  readonly listen: ListenOptions | { readonly fd: number };
  /** Addresses that lead nowhere but into the mesh: nobody outside is to be taken for them. */
  readonly closedRanges: readonly string[];
  readonly dial: Dial;
  /** Of an accepted connection; by default what the kernel says. */
  readonly destinationOf?: (socket: Socket) => SocketAddress | undefined;
}

const CONNECTIONS_MAX = 4096;
const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

/**
 * The pods' way out: their TCP connections to addresses outside the mesh are made anew from here,
 * as this machine's own. No rule, no route and no setting of the host's is changed for it.
 */
export class OutsideRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #closed: OwnRanges;
  readonly #dial: Dial;
  readonly #destinationOf: (socket: Socket) => SocketAddress | undefined;

  private constructor({ closedRanges, dial, destinationOf }: RelayOptions) {
    this.#dial = dial;
    this.#closed = new OwnRanges(closedRanges);
    this.#destinationOf = destinationOf ?? redirectedFrom;
    const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true };
    this.#server = createServer(options, (socket) => this.#accept(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  static async open(options: RelayOptions): Promise<OutsideRelay> {
    const relay = new OutsideRelay(options);
    await new Promise<void>((resolve, reject) => {
      relay.#server.once("error", reject);
      relay.#server.listen(options.listen, resolve);
    });
    // From here on an error concerns one connection: no file descriptor is left, for instance.
    relay.#server.on("error", () => {});
    return relay;
  }

  /** Where it listens; 0 where it does not. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(inside: Socket): void {
    this.#keep(inside);
    const destination = this.#destinationOf(inside);
    if (destination === undefined || this.#closed.has(destination.host)) {
      inside.resetAndDestroy();
      return;
    }
    const outside = this.#dial(destination);
    this.#keep(outside);
    passOn(inside, outside);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

/** Both directions, as soon as the outside is there; the end of each by itself. */
export function passOn(inside: Socket, outside: Socket): void {
  outside.setTimeout(CONNECT_TIMEOUT_MS, () => outside.destroy(new Error("timed out")));
  outside.once("connect", () => {
    outside.setTimeout(0);
    inside.pipe(outside);
    outside.pipe(inside);
  });
  endTogether(inside, outside);
}

/** One side's failure is told to the other as a reset; an end in order passes by `pipe`. */
function endTogether(inside: Socket, outside: Socket): void {
  inside.on("error", () => reset(outside));
  outside.on("error", () => reset(inside));
  inside.on("close", () => outside.destroy());
  outside.on("close", () => inside.destroySoon());
}

/** A Unix socket has no reset. */
function reset(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

function redirectedFrom(socket: Socket): SocketAddress | undefined {
  const handle = (socket as Socket & { _handle?: { fd?: number } })._handle;
  return originalDestination(handle?.fd ?? -1, false);
}
