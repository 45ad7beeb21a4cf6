import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../base/clock.ts";
import { parseDuration } from "../../base/duration.ts";
import { systemRandom } from "../../base/random.ts";
import type { Mode } from "../../up/fabric/choose.ts";
import { up } from "../../up/main.ts";
import { EXIT, type SignalSource, type UpOptions } from "../../up/options.ts";
import { readUpConfig } from "../../up/up-config.ts";
import { DOOR } from "../../up/user-namespace.ts";
import { caFolderProblem } from "../authority/ca-folder.ts";
import { compileCacheFolder } from "../compile-cache.ts";
import { CONCURRENCY_ALLOWED, parseConcurrency } from "../concurrency.ts";

/** What commander has read. */
interface Flags {
  readonly for?: string;
  readonly as?: string;
  readonly outside?: boolean;
  readonly mode?: string;
  readonly config?: string;
  readonly caDir?: string;
  readonly concurrency?: string;
  readonly logs?: boolean;
}

const MODES: readonly string[] = ["auto", "intercept", "explicit"];
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** `command`: what stood behind `--`, where it stood there. Resolves with the exit status. */
export async function upCommand(
  paths: readonly string[],
  command: readonly string[] | undefined,
  flags: Flags,
): Promise<number> {
  const problems: string[] = [];
  const options = readFlags(flags, problems);
  if (paths.length === 0) problems.push("PATH is missing: which files or folders are the mesh?");
  const concurrency = flags.concurrency ?? "1";
  if (parseConcurrency(concurrency) === undefined) {
    problems.push(`--concurrency ${concurrency}: not ${CONCURRENCY_ALLOWED}`);
  }
  if (command?.length === 0) problems.push("COMMAND is missing after --");
  const misplaced = flags.caDir === undefined ? undefined : caFolderProblem(flags.caDir, paths);
  if (misplaced !== undefined) problems.push(misplaced);
  if (problems.length > 0) {
    for (const problem of problems) process.stderr.write(`outrigger up: ${problem}\n`);
    process.stderr.write("(outrigger up --help explains)\n");
    return EXIT.refused;
  }
  process.env.PATH = withAdministratorsTools(process.env.PATH);
  return up({ ...options, ...surroundings(concurrency), paths, command: command ?? [] });
}

/** `su` leaves a user's PATH as it was, and `ip` and `iptables` stand outside it. */
function withAdministratorsTools(path = ""): string {
  const folders = path.split(delimiter);
  const missing = ["/usr/sbin", "/sbin"].filter((folder) => !folders.includes(folder));
  return [...folders, ...missing].join(delimiter);
}

type FromFlags = Pick<
  UpOptions,
  "forMs" | "as" | "outside" | "mode" | "caDir" | "commands" | "logs"
>;

function readFlags(flags: Flags, problems: string[]): FromFlags {
  const forMs = flags.for === undefined ? undefined : parseDuration(flags.for);
  if (flags.for !== undefined && forMs === undefined) {
    problems.push(`--for ${flags.for}: not a duration such as 20s, 5m or 1h30m`);
  }
  const [namespace = "", serviceAccount = "", ...rest] = (flags.as ?? "").split("/");
  if (namespace === "" || serviceAccount === "" || rest.length > 0) {
    problems.push(`--as ${flags.as}: not NAMESPACE/SERVICEACCOUNT`);
  }
  const mode = flags.mode ?? "auto";
  if (!MODES.includes(mode)) problems.push(`--mode ${mode}: not one of ${MODES.join(", ")}`);
  return {
    forMs,
    as: { namespace, serviceAccount },
    outside: flags.outside === true,
    mode: mode as Mode,
    caDir: flags.caDir === undefined ? undefined : resolve(flags.caDir),
    logs: flags.logs === true,
    commands: flags.config === undefined ? {} : readCommands(flags.config, problems),
  };
}

function readCommands(file: string, problems: string[]): Readonly<Record<string, string>> {
  try {
    const { commands, problems: found } = readUpConfig(readFileSync(file, "utf8"));
    problems.push(...found.map((problem) => `${file}: ${problem}`));
    return commands;
  } catch (error) {
    problems.push(`--config ${file}: ${(error as Error).message}`);
    return {};
  }
}

/** The machine around the program. */
function surroundings(concurrency: string): Omit<UpOptions, keyof FromFlags | "paths" | "command"> {
  const { stdin, stdout, stderr } = process;
  const { [DOOR]: door, ...env } = process.env;
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = fileURLToPath(new URL(`../main.${ending}`, import.meta.url));
  return {
    proxyCommand: [
      ...[process.execPath, "--max-semi-space-size=2", entry],
      ...["proxy", "-c", "-", "--concurrency", concurrency],
    ],
    terminal: { stdin, stdout, stderr, mayColour: (env.NO_COLOR ?? "") === "" },
    env,
    folder: process.cwd(),
    commandLine: [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    door,
    compileCache: compileCacheFolder(env),
    temporary: tmpdir(),
    clock: systemClock,
    random: systemRandom,
    signals: signalSource,
  };
}

const signalSource: SignalSource = (listener) => {
  const handlers = SIGNALS.map((name) => ({ name, handler: () => listener(name) }));
  for (const { name, handler } of handlers) process.on(name, handler);
  return () => {
    for (const { name, handler } of handlers) process.off(name, handler);
  };
};
