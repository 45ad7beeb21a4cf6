/** A place that bytes go to or come from (Envoy: config.core.v3.Address). */
export type Address = SocketAddress | PipeAddress;

export interface SocketAddress {
  readonly kind: "socket";
  /** An IPv4 or IPv6 address; in DNS clusters a host name. */
  readonly host: string;
  /** 0..65535; 0 asks the kernel for a free one when listening. */
  readonly port: number;
}

/** A Unix domain socket. */
export interface PipeAddress {
  readonly kind: "pipe";
  readonly path: string;
}

/** `10.0.0.1:80`, `[::1]:80` or the socket's path: Envoy's text form of an address. */
export function formatAddress(address: Address): string {
  if (address.kind === "pipe") return address.path;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

export function socketAddress(host: string, port: number): SocketAddress {
  return { kind: "socket", host, port };
}
