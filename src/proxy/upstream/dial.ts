import { connect, type Socket } from "node:net";
import type { Address, SocketAddress } from "../../model/address.ts";
import type { TcpKeepalive } from "../../model/cluster.ts";

export interface DialOptions {
  readonly bindAddress: SocketAddress | undefined;
  readonly tcpKeepalive: TcpKeepalive | undefined;
  readonly allowHalfOpen: boolean;
}

/** Starts to open a connection; nothing is awaited. */
export function dial(address: Address, options: DialOptions): Socket {
  const { allowHalfOpen, bindAddress, tcpKeepalive } = options;
  if (address.kind === "pipe") return connect({ path: address.path, allowHalfOpen });
  const socket = connect({
    host: address.host,
    port: address.port,
    noDelay: true,
    allowHalfOpen,
    ...(bindAddress === undefined ? {} : { localAddress: bindAddress.host }),
    ...(bindAddress === undefined || bindAddress.port === 0 ? {} : { localPort: bindAddress.port }),
  });
  if (tcpKeepalive !== undefined) socket.setKeepAlive(true, (tcpKeepalive.timeS ?? 7200) * 1000);
  return socket;
}
