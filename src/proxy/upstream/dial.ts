import { connect, type Socket } from "node:net";
import type { Address, SocketAddress } from "../../model/address.ts";
import type { TcpKeepalive } from "../../model/cluster.ts";
import { readInto } from "./shared-read.ts";

export interface DialOptions {
  readonly bindAddress: SocketAddress | undefined;
  readonly tcpKeepalive: TcpKeepalive | undefined;
  readonly allowHalfOpen: boolean;
  /** Takes what is read, out of a buffer that the next read overwrites; else `data` events. */
  readonly onBytes?: (bytes: Buffer) => void;
}

/** Starts to open a connection; nothing is awaited. */
export function dial(address: Address, options: DialOptions): Socket {
  const { allowHalfOpen, bindAddress, onBytes, tcpKeepalive } = options;
  const reading = onBytes === undefined ? {} : { onread: readInto(onBytes) };
  if (address.kind === "pipe") return connect({ path: address.path, allowHalfOpen, ...reading });
  const socket = connect({
    host: address.host,
    port: address.port,
    noDelay: true,
    allowHalfOpen,
    ...reading,
    ...(bindAddress === undefined ? {} : { localAddress: bindAddress.host }),
    ...(bindAddress === undefined || bindAddress.port === 0 ? {} : { localPort: bindAddress.port }),
  });
  if (tcpKeepalive !== undefined) socket.setKeepAlive(true, (tcpKeepalive.timeS ?? 7200) * 1000);
  return socket;
}
