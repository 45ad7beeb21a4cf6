import { spawnSync } from "node:child_process";
import type { Program } from "./fabric.ts";
import { innerProcess } from "./process.ts";

const SIGNALS = "INT,QUIT";

/** True where `env` can set signals (GNU coreutils 8.31); asked once a COMMAND. */
export function canShield(): boolean {
  return spawnSync("env", [`--default-signal=${SIGNALS}`, "true"]).status === 0;
}

/**
 * Ctrl-C in the terminal reaches every process in its foreground: COMMAND, and `nsenter`, which
 * waits for it. That one would die of it and take COMMAND's last words and exit status with it,
 * so it ignores the signal; a shell behind it survives the signal as well and passes on how
 * COMMAND ended, 128+n included.
 */
export function shielded(enter: readonly string[], program: Program): string[] {
  const script = 'cd "$1" || exit 1; shift; trap : INT QUIT; "$@"; exit $?';
  return [
    ...["env", `--ignore-signal=${SIGNALS}`, ...enter],
    ...["env", `--default-signal=${SIGNALS}`, "sh", "-c", script, "sh", program.folder],
    ...program.argv,
  ];
}

/** COMMAND's pid: the shell's child, which is `nsenter`'s. */
export function shieldedProcess(pid: number): number | undefined {
  const shell = innerProcess(pid);
  return shell === undefined ? undefined : innerProcess(shell);
}
