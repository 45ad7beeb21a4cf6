import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type SidecarIdentity, sidecarBootstrap } from "../../src/up/bootstrap.ts";
import { mortal } from "./mortal.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface RunningSidecar {
  /** What it has logged so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Our own data plane as a sidecar, a process of its own. */
export function startProxySidecar(sidecar: SidecarIdentity): RunningSidecar {
  const child = spawn(...mortal(process.execPath, [MAIN, "proxy", "-c", "-"]));
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  child.stdin.end(sidecarBootstrap(sidecar));
  return {
    log: () => log,
    stop: async () => {
      if (child.exitCode !== null) return;
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await exited;
    },
  };
}
