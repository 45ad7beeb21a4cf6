// hot path: no allocation per request
import type { Socket } from "node:net";

/**
 * Closes so that the peer sees a reset (RST), and not the end of what was sent. The library resets
 * TCP alone: a TLS peer sees an end without close_notify, a Unix socket's an end.
 */
export function resetSocket(socket: Socket): void {
  const { family } = socket.address() as { readonly family?: string };
  const plain = family !== undefined && !("encrypted" in socket);
  if (plain && !socket.destroyed) socket.resetAndDestroy();
  else socket.destroy();
}

/** The peer has sent a reset (RST). */
export function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === "ECONNRESET";
}
