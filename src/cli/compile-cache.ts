import { homedir } from "node:os";
import { join } from "node:path";

/** Beside what set-up keeps: TypeScript without its types, and V8's compiled code. */
export function compileCacheFolder(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(base, "outrigger", "compile-cache");
}
