import type { Http2SecureServer, Http2Server, ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { type SocketAddress, socketAddress } from "../../model/address.ts";

/** What a client may cost us. A request holds names alone; 50,000 names of 80 bytes are 4 MB. */
export const REQUEST_BYTES_MAX: number = 8 * 1024 * 1024;

/** Of one HTTP/2 connection, whoever it is of. */
export const SESSION_LIMITS = {
  maxSessionMemory: 256,
  settings: { maxConcurrentStreams: 16 },
} as const;

/** A port on which gRPC is answered. */
export interface GrpcDoor {
  readonly address: SocketAddress;
  /** Cuts every connection. */
  close(): Promise<void>;
}

/** Port 0 takes a free one. Rejects where the address cannot be listened on. */
export async function openDoor(
  server: Http2Server | Http2SecureServer,
  address: SocketAddress,
): Promise<GrpcDoor> {
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
  });
  return {
    address: await listen(server, address),
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

function listen(
  server: Http2Server | Http2SecureServer,
  address: SocketAddress,
): Promise<SocketAddress> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address.port, address.host, () => {
      // From here on an error concerns one connection: no file descriptor is left, for instance.
      server.removeListener("error", reject).on("error", () => {});
      resolve(socketAddress(address.host, (server.address() as AddressInfo).port));
    });
  });
}
