import type { OnReadOpts } from "node:net";
import { Socket } from "node:net";
import { ReadBuffer } from "../wire/read-buffer.ts";

/** `onread` of a socket: hands on each read as it comes. */
export function readInto(onBytes: (bytes: Buffer) => void): OnReadOpts {
  const reads = new ReadBuffer(onBytes);
  return {
    buffer: () => reads.next(),
    callback: (length) => {
      reads.read(length);
      return true;
    },
  };
}

interface WithHandle {
  _handle: unknown;
  _server?: unknown;
}

/**
 * The same connection as another socket, one that reads into the shared buffer: node:net gives
 * accepted sockets no such option. The first socket must not have begun to read; afterwards it is
 * empty, and whoever waited for its end waits for the other's.
 */
export function rewrap(accepted: Socket, onBytes: (bytes: Buffer) => void): Socket {
  const from = accepted as unknown as WithHandle;
  const handle = from._handle;
  from._handle = null;
  const options = { handle, onread: readInto(onBytes), allowHalfOpen: true };
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  (socket as unknown as WithHandle)._server = from._server;
  for (const closed of accepted.listeners("close")) socket.on("close", closed as () => void);
  accepted.removeAllListeners("close");
  return socket;
}
