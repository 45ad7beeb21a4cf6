import { connect, createServer, isIP, type Server, type Socket } from "node:net";
import { type SocketAddress, socketAddress } from "../../../model/address.ts";
import { passOn } from "./relay.ts";

/** Opens a connection outside the mesh. */
export type Dial = (destination: SocketAddress) => Socket;

export const dialDirectly: Dial = ({ host, port }) =>
  connect({ host, port, allowHalfOpen: true, noDelay: true });

/** Through a door at this path: a namespace without a network still sees the machine's files. */
export function dialThrough(path: string): Dial {
  return ({ host, port }) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.write(`${host} ${port}\n`);
    return socket;
  };
}

const CONNECTIONS_MAX = 4096;
/** An IPv6 address, a port and what is between them. */
const REQUEST_BYTES_MAX = 64;
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * The way out of a namespace without a network: a Unix socket, at which each connection says in
 * its first line where it wants to go. Whoever may open the socket may go where this machine may;
 * it stands in a folder of our own.
 */
export class OutsideDoor {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #dial: Dial;

  private constructor(dial: Dial) {
    this.#dial = dial;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  static async open(path: string, dial: Dial = dialDirectly): Promise<OutsideDoor> {
    const door = new OutsideDoor(dial);
    await new Promise<void>((resolve, reject) => {
      door.#server.once("error", reject);
      door.#server.listen(path, resolve);
    });
    door.#server.on("error", () => {});
    return door;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(inside: Socket): void {
    this.#sockets.add(inside);
    inside.on("close", () => this.#sockets.delete(inside));
    inside.on("error", () => inside.destroy());
    inside.setTimeout(REQUEST_TIMEOUT_MS, () => inside.destroy());
    let request = Buffer.alloc(0);
    const onData = (piece: Buffer): void => {
      request = Buffer.concat([request, piece]);
      const end = request.indexOf("\n");
      if (end < 0 && request.length <= REQUEST_BYTES_MAX) return;
      inside.off("data", onData);
      inside.pause();
      const destination = end < 0 ? undefined : destinationIn(request.toString("latin1", 0, end));
      if (destination === undefined) {
        inside.destroy();
        return;
      }
      inside.setTimeout(0);
      inside.unshift(request.subarray(end + 1));
      const outside = this.#dial(destination);
      this.#sockets.add(outside);
      outside.on("close", () => this.#sockets.delete(outside));
      passOn(inside, outside);
    };
    inside.on("data", onData);
  }
}

function destinationIn(line: string): SocketAddress | undefined {
  const [host = "", port = "", ...more] = line.split(" ");
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (isIP(host) === 0 || number < 1 || number > 65_535 || more.length > 0) return undefined;
  return socketAddress(host, number);
}
