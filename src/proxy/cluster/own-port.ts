import type { Address } from "../../model/address.ts";
import type { Bootstrap } from "../../model/bootstrap.ts";

/**
 * The admin server's port. Whoever may name endpoints, in a ServiceEntry or in DNS, could else have
 * the proxy ask itself to quit, with any Host header. The bootstrap's own clusters may name it:
 * that is how operators publish `/stats/prometheus`.
 */
export interface OwnPort {
  readonly port: number;
  /** Names of the bootstrap's clusters. */
  readonly except: ReadonlySet<string>;
}

/** Undefined where the admin server has no port, or one that nobody knows beforehand. */
export function ownPortOf({ admin, clusters }: Bootstrap): OwnPort | undefined {
  if (admin?.kind !== "socket" || admin.port === 0) return undefined;
  return { port: admin.port, except: new Set(clusters.map(({ name }) => name)) };
}

/** The port that this cluster may not reach on this machine; 0 for none. */
export function deniedPort(own: OwnPort | undefined, cluster: string): number {
  return own === undefined || own.except.has(cluster) ? 0 : own.port;
}

/** Whether an address is this machine's; names are looked up later, and judged when connected. */
export function isLoopback(address: Address): boolean {
  if (address.kind === "pipe") return false;
  const { host } = address;
  return /^(?:::ffff:)?127\.|^::1$|^0\.0\.0\.0$|^::$/.test(host);
}
