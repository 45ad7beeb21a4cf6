import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Program, Running } from "./fabric.ts";

/**
 * Starts `argv` (the program behind whatever brings it to its place). `target` finds the
 * program's own pid from that of the process started here.
 */
export function start(
  argv: readonly string[],
  program: Program,
  target: (pid: number) => number | undefined = (pid) => pid,
): Running {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, {
    stdio: program.stdio,
    env: program.env,
    cwd: program.as === "app" ? program.folder : "/",
    detached: program.foreground !== true,
  });
  return {
    child,
    signal: (name) => {
      const pid = child.pid === undefined ? undefined : target(child.pid);
      if (pid !== undefined) sendSignal(pid, name);
    },
  };
}

/** Sends a signal; a process (or, negative, a group) that has ended already is no error. */
export function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended in the meantime.
  }
}

/** `nsenter --pid` waits for the program, its only child; signals are meant for that one. */
export function innerProcess(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return children === "" ? undefined : Number(children.split(" ")[0]);
  } catch {
    return undefined;
  }
}
