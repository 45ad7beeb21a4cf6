import { closeSync } from "node:fs";
import type { Server } from "node:net";

/** A socket that listens, and that a successor can be given. */
export interface HeldSocket {
  /** Where it listens: `127.0.0.1:15001`, or a path. */
  readonly address: string;
  /** Its descriptor in this process. */
  readonly fd: number;
}

/** Sockets that listen already, by address; where several workers listened, several. */
export type Inheritance = ReadonlyMap<string, readonly number[]>;

export const NOTHING_INHERITED: Inheritance = new Map();

/** What a proxy leaves to the one that comes after it. */
export interface Legacy {
  /** Each has a socket of its own, whose queue somebody has to serve. */
  readonly workers: number;
  readonly sockets: Inheritance;
}

/** Tells a successor which sockets it was born with. */
export const LEGACY_VARIABLE = "OUTRIGGER_LEGACY";
/** Their descriptors follow the standard streams, in the order in which they are told. */
export const FIRST_FD = 3;

/** The value of `LEGACY_VARIABLE`. */
export function legacyText(workers: number, held: readonly HeldSocket[]): string {
  return JSON.stringify({ workers, addresses: held.map(({ address }) => address) });
}

/** Undefined where there was no predecessor. Throws where somebody else has set the variable. */
export function readLegacy(text: string | undefined): Legacy | undefined {
  if (text === undefined) return undefined;
  const { workers, addresses } = parse(text);
  const sockets = new Map<string, number[]>();
  for (const [i, address] of addresses.entries()) {
    const fds = sockets.get(address) ?? [];
    fds.push(FIRST_FD + i);
    sockets.set(address, fds);
  }
  return { workers, sockets };
}

/** Those of one worker: its own, and what other workers would leave unserved. */
export function shareOf(all: Inheritance, slot: number, workers: number): Inheritance {
  const share = new Map<string, number[]>();
  for (const [address, fds] of all) {
    share.set(
      address,
      fds.filter((_, i) => i % workers === slot),
    );
  }
  return share;
}

/** Nobody wants what listened at these addresses any more. */
export function closeUnwanted(all: Inheritance, wanted: ReadonlySet<string>): void {
  for (const [address, fds] of all) {
    if (!wanted.has(address)) for (const fd of fds) closeSync(fd);
  }
}

/** The descriptor that a server listens with; undefined while it does not. */
export function fdOf(server: Server): number | undefined {
  const fd = (server as Server & { _handle?: { fd?: number } | null })._handle?.fd;
  return fd === undefined || fd < 0 ? undefined : fd;
}

function parse(text: string): { workers: number; addresses: readonly string[] } {
  const found: unknown = JSON.parse(text);
  if (typeof found === "object" && found !== null) {
    const { workers, addresses } = found as Record<string, unknown>;
    if (typeof workers === "number" && Array.isArray(addresses)) {
      return { workers, addresses: addresses.map(String) };
    }
  }
  throw new Error(`${LEGACY_VARIABLE} is for proxies to tell their successors`);
}
