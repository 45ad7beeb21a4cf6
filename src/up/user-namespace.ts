import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { sharesTerminal } from "./command.ts";
import { OutsideDoor } from "./fabric/outside/door.ts";
import { innerProcess, sendSignal } from "./fabric/process.ts";
import { Reaper } from "./fabric/reaper.ts";
import type { Interrupt } from "./interrupt.ts";
import type { UpOptions } from "./options.ts";
import type { Voice } from "./voice.ts";

/** In its environment the program in the namespace finds the way outside. */
export const DOOR = "OUTRIGGER_DOOR";

const SIGNALLED = 128;

/** Root there is who calls, and the other ids are the caller's subordinate ones (subuid(5)). */
const USER_NAMESPACE: readonly string[] = ["--user", "--map-root-user", "--map-auto"];

/** A machine of its own, whose network is a loopback. */
const MACHINE: readonly string[] = [
  ...["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
  ...["sh", "-c", 'ip link set lo up && exec "$@"', "sh"],
];

/** True for a caller without root where the kernel and `newuidmap` give a user namespace. */
export function mayUseUserNamespace(): boolean {
  if (process.platform !== "linux" || process.getuid?.() === 0) return false;
  return spawnSync("unshare", [...USER_NAMESPACE, "true"]).status === 0;
}

/**
 * Runs the program anew, as root of a user namespace that has a network of its own: there pods are
 * intercepted as for root. What they reach outside they reach through us; what listens there, the
 * console and the metrics among it, is reached from there alone. Resolves with the exit status.
 */
export async function inUserNamespace(
  options: UpOptions,
  voice: Voice,
  interrupt: Interrupt,
): Promise<number> {
  voice.say("intercept mode without root: in a user namespace, the console is reached in there");
  const folder = mkdtempSync(join(options.temporary, "outrigger-"));
  const path = join(folder, "door");
  const door = await OutsideDoor.open(path);
  const reaper = new Reaper(folder);
  try {
    // The machine's own lock of old iptables is root's.
    const lock = { XTABLES_LOCKFILE: join(folder, "xtables.lock") };
    const env = reaper.marked({ ...options.env, ...lock, [DOOR]: path });
    return await runInside(env, options, interrupt, reaper);
  } finally {
    door.close();
    await reaper.close();
  }
}

function runInside(
  env: NodeJS.ProcessEnv,
  { commandLine }: UpOptions,
  interrupt: Interrupt,
  reaper: Reaper,
): Promise<number> {
  const child = spawn("unshare", [...USER_NAMESPACE, ...MACHINE, ...commandLine], {
    stdio: "inherit",
    env,
  });
  // It takes all inside with it (`--kill-child`), should we be killed.
  if (child.pid !== undefined) reaper.started(child.pid);
  const alreadyHeard = sharesTerminal();
  interrupt.handTo((name) => {
    const inner = child.pid === undefined ? undefined : innerProcess(child.pid);
    if (inner !== undefined && !(name === "SIGINT" && alreadyHeard)) sendSignal(inner, name);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (child.pid !== undefined) reaper.ended(child.pid);
      resolve(signal === null ? (code ?? 1) : SIGNALLED + constants.signals[signal]);
    });
  });
}
