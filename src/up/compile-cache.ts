import { chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Fabric } from "./fabric/fabric.ts";
import { SIDECAR_UID } from "./fabric/rules.ts";

/** Where the processes that we start keep compiled code (Node: `NODE_COMPILE_CACHE`). */
export interface CompileCache {
  readonly sidecar: NodeJS.ProcessEnv;
  readonly standIn: NodeJS.ProcessEnv;
}

/**
 * The sidecar's user cannot write to ours, and may not: it gets a folder of its own. Without a
 * cache everything works, only slower, so a folder that cannot be made is no error.
 */
export function compileCacheFor(mode: Fabric["mode"], folder: string): CompileCache {
  const standIn = { NODE_COMPILE_CACHE: folder };
  if (mode === "explicit") return { sidecar: standIn, standIn };
  const own = join(folder, "sidecar");
  try {
    mkdirSync(own, { recursive: true });
    chownSync(own, SIDECAR_UID, SIDECAR_UID);
  } catch {
    return { sidecar: {}, standIn };
  }
  return { sidecar: { NODE_COMPILE_CACHE: own }, standIn };
}
