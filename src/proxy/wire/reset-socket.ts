// hot path: no allocation per request
import type { Socket } from "node:net";
import koffi from "koffi";

/** From linux/socket.h and asm-generic/socket.h. */
const SOL_SOCKET = 1;
const SO_LINGER = 13;
/** struct linger: on, for no time at all. */
const AT_ONCE: Buffer = Buffer.from(new Int32Array([1, 0]).buffer);

type SetSockOpt = (fd: number, level: number, name: number, value: Buffer, bytes: number) => number;

let setsockopt: SetSockOpt | undefined;

interface WithHandle {
  readonly _handle?: { readonly fd?: number } | null;
}

/**
 * Closes so that the peer sees a reset (RST), and not the end of what was sent. The library resets
 * plain TCP alone; a TLS socket's connection is told not to linger, which comes to the same.
 */
export function resetSocket(socket: Socket): void {
  const { family } = socket.address() as { readonly family?: string };
  if (family === undefined || socket.destroyed) {
    // A Unix socket knows no resets.
    socket.destroy();
  } else if ("encrypted" in socket) {
    closeAtOnce((socket as unknown as WithHandle)._handle?.fd ?? -1);
    socket.destroy();
  } else {
    socket.resetAndDestroy();
  }
}

/** The peer has sent a reset (RST). */
export function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === "ECONNRESET";
}

function closeAtOnce(fd: number): void {
  if (process.platform !== "linux" || fd < 0) return;
  load()(fd, SOL_SOCKET, SO_LINGER, AT_ONCE, AT_ONCE.length);
}

/** Loaded at the first use, so that a machine that never resets TLS never needs it. */
function load(): SetSockOpt {
  setsockopt ??= koffi
    .load(null)
    .func(
      "int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t bytes)",
    ) as unknown as SetSockOpt;
  return setsockopt;
}
