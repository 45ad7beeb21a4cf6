import type { OnReadOpts } from "node:net";
import { Socket } from "node:net";

const READ_BYTES = 64 * 1024;

/**
 * One buffer for all sockets of the thread: a read is handed on before the next one begins, so
 * nothing is allocated for it. Whoever keeps bytes copies them.
 */
const shared: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** Reads up to this length, heads above all, are seen through a view made once. */
const VIEWED_MAX = 2048;
const views: Buffer[] = new Array<Buffer>(VIEWED_MAX + 1).fill(shared);

/** The buffer's first bytes. */
function firstBytes(length: number): Buffer {
  const known = views[length];
  if (known?.length === length) return known;
  const view = shared.subarray(0, length);
  if (length <= VIEWED_MAX) views[length] = view;
  return view;
}

/** `onread` of a socket: hands on each read as it comes. */
export function readInto(onBytes: (bytes: Buffer) => void): OnReadOpts {
  return {
    buffer: shared,
    callback: (length) => {
      onBytes(firstBytes(length));
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
 * accepted sockets no such option. The first socket must not have begun to read; it is empty
 * afterwards.
 */
export function rewrap(accepted: Socket, onBytes: (bytes: Buffer) => void): Socket {
  const from = accepted as unknown as WithHandle;
  const handle = from._handle;
  from._handle = null;
  const options = { handle, onread: readInto(onBytes), allowHalfOpen: true };
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  (socket as unknown as WithHandle)._server = from._server;
  socket.on("close", () => accepted.emit("close", false));
  return socket;
}
