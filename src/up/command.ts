import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { delimiter, resolve } from "node:path";
import type { Place } from "./fabric/fabric.ts";

/** Exit statuses as a shell gives them. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
const SIGNALLED = 128;

/** 127 where there is no such command, 126 where it may not be executed, else undefined. */
export function refusedCommand(
  command: string,
  path: string,
  folder: string,
): { readonly status: number; readonly reason: string } | undefined {
  const candidates = command.includes("/")
    ? [resolve(folder, command)]
    : path.split(delimiter).map((entry) => resolve(folder, entry, command));
  const present = candidates.filter(isThere);
  if (present.some(isExecutable)) return undefined;
  return present.length === 0
    ? { status: NOT_FOUND, reason: `${command}: command not found` }
    : { status: NOT_EXECUTABLE, reason: `${command}: permission denied` };
}

/** What stands in a folder that we may not look into is not there for us. */
function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Where COMMAND runs: in the client's pod, or outside every pod. */
export type CommandGround = Pick<Place, "start">;

export interface CommandOptions {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly folder: string;
  readonly ground: CommandGround;
  /** Calls back for each signal that was sent to us. */
  readonly onSignal: (listener: (name: NodeJS.Signals) => void) => void;
  /**
   * True where the terminal sends Ctrl-C to COMMAND as well as to us: then only a second one is
   * passed on.
   */
  readonly sharesTerminal: boolean;
}

/** Runs COMMAND and resolves with its exit status, 128+n where a signal ended it. */
export function runCommand(options: CommandOptions): Promise<number> {
  const { argv, env, folder, ground, onSignal, sharesTerminal } = options;
  const running = ground.start({
    argv,
    env,
    folder,
    stdio: "inherit",
    as: "app",
    foreground: true,
  });
  let interrupts = 0;
  onSignal((name) => {
    if (name === "SIGINT" && sharesTerminal && interrupts++ === 0) return;
    running.signal(name);
  });
  return new Promise((settle, reject) => {
    running.child.once("error", reject);
    running.child.once("exit", (code, signal) => settle(exitStatus(code, signal)));
  });
}

function exitStatus(code: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? (code ?? 1) : SIGNALLED + osConstants.signals[signal];
}

/** True where we are the terminal's foreground group: Ctrl-C then reaches COMMAND by itself. */
export function sharesTerminal(): boolean {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    // After the program's name, which may hold anything: state, ppid, pgrp, session, tty, tpgid.
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return group === foreground;
  } catch {
    return process.stdin.isTTY === true;
  }
}
