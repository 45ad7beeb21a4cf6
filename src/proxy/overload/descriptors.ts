import { readFileSync } from "node:fs";
import type { Socket } from "node:net";

/** Connections get a descriptor below the reserve, or none. */
export interface DescriptorBounds {
  /** The first number of the reserve. Infinity: nothing is known of a limit. */
  readonly reserveFrom: number;
  /** Clients' connections, each of which may need another one to an endpoint. */
  readonly connectionsMax: number;
}

export const UNBOUNDED: DescriptorBounds = {
  reserveFrom: Number.POSITIVE_INFINITY,
  connectionsMax: Number.POSITIVE_INFINITY,
};

const RESERVE_MIN = 16;
const RESERVE_MAX = 256;
/** What a process has open without any connection. */
const OWN = 32;

/**
 * The last descriptors are kept for the admin server, health checks of this proxy, certificates
 * and logs; the rest is halved. `limit`: how many this process may open.
 */
export function descriptorBounds(limit: number): DescriptorBounds {
  if (!Number.isFinite(limit)) return UNBOUNDED;
  const reserve = Math.min(RESERVE_MAX, Math.max(RESERVE_MIN, Math.floor(limit / 8)));
  return {
    reserveFrom: limit - reserve,
    connectionsMax: Math.max(1, Math.floor((limit - reserve - OWN) / 2)),
  };
}

/** RLIMIT_NOFILE of this process; Infinity where the system does not say. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync(LIMITS, "utf8")) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** proc(5), Linux. */
const LIMITS = "/proc/self/limits";

/**
 * The number of a socket's descriptor, -1 where it has none yet. The kernel gives the lowest that
 * is free, so a high one says that all below are taken.
 */
export function descriptorOf(socket: Socket): number {
  return (socket as Socket & { _handle?: { fd?: number } | null })._handle?.fd ?? -1;
}
