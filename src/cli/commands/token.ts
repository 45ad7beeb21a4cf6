import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { systemClock } from "../../base/clock.ts";
import { parseDuration } from "../../base/duration.ts";
import { leaveJoinToken } from "../../control/ca/callers/join-tokens.ts";
import { parseWorkloadIdentity } from "../../identity/workload-identity.ts";

/**
 * Prints a token for one certificate of one identity. Its hash is left in the CA's folder, where
 * the control plane finds it, running or not. Throws an Error for arguments that are wrong.
 */
export function tokenCommand(
  text: string,
  { caDir, for: lifetime }: { readonly caDir: string; readonly for: string },
): void {
  const identity = parseWorkloadIdentity(text);
  if (identity === undefined) throw new Error(`${text}: not NAMESPACE/SERVICEACCOUNT`);
  const lifetimeMs = parseDuration(lifetime);
  if (lifetimeMs === undefined || lifetimeMs === 0) {
    throw new Error(`--for ${lifetime}: not a duration such as 20m`);
  }
  ensureThere(caDir);
  const expiresAt = systemClock.wall() + lifetimeMs;
  process.stdout.write(`${leaveJoinToken(caDir, { identity, expiresAt }, randomBytes)}\n`);
}

/** A token in a folder that no control plane looks into would help nobody. */
export function ensureThere(caDir: string): void {
  if (statSync(caDir, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new Error(`${caDir} is no folder: start outrigger control --secure with it first`);
}
