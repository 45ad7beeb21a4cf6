import { readFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import type { HeldCertificate } from "../../agent/agent.ts";
import type { AccessToken } from "../../base/access-token.ts";
import { formatDiagnostic } from "../../base/diagnostic.ts";
import { fileFault } from "../../base/file-fault.ts";
import { Registry } from "../../metrics/registry.ts";
import { readBootstrap } from "../../proxy/bootstrap.ts";
import {
  LEGACY_VARIABLE,
  type Legacy,
  NOTHING_INHERITED,
  readLegacy,
} from "../../proxy/graceful/inheritance.ts";
import type { DrainTimes } from "../../proxy/graceful/lifecycle.ts";
import { type ProxyOptions, type ServingProxy, startProxy } from "../../proxy/main.ts";
import { type AgentSettings, readAgentFlags } from "../agent/flags.ts";
import type { AgentFlags } from "../agent/options.ts";
import type { RunningAgent } from "../agent/running-agent.ts";
import { CONCURRENCY_ALLOWED, parseConcurrency } from "../concurrency.ts";
import { DRAIN_ALLOWED, drainTimes, parseDrainSeconds } from "../drain-times.ts";
import {
  inheritedCertificate,
  type SuccessionOptions,
  startSuccessor,
  tellPredecessor,
} from "../succession.ts";
import { readTokenFile } from "../token-file.ts";
import { type Say, standardError } from "../voice.ts";

const FAILED_STATUS = 1;
const REFUSED_STATUS = 2;
const AWAKE_MS = 3_600_000;
const STDIN_NAME = "standard input";

/** As they stand on the command line. */
export interface ProxyArguments extends AgentFlags {
  readonly configPath: string;
  readonly concurrency: string;
  readonly drainTimeS: string;
  readonly minDrainTimeS: string;
  readonly adminTokenFile?: string;
}

/** Runs the data plane until it is told to end; a second signal does not wait for requests. */
export async function proxyCommand(args: ProxyArguments, version: string): Promise<void> {
  const say = standardError();
  const { workers, times } = readNumbers(args, say);
  const settings = readSettings(args, say);
  const adminToken = readAdminToken(args, say);
  const fromStdin = args.configPath === "-";
  const text = fromStdin ? await readStdin() : readBootstrapFile(args.configPath, say);
  if (text === undefined) process.exit(REFUSED_STATUS);
  const { bootstrap, diagnostics } = readBootstrap(text, fromStdin ? STDIN_NAME : args.configPath);
  for (const diagnostic of diagnostics) say(formatDiagnostic(diagnostic));
  if (bootstrap === undefined) process.exit(REFUSED_STATUS);
  const onQuit = (): void => {
    process.kill(process.pid, "SIGTERM");
  };
  const legacy = takeLegacy();
  const inherited = legacy?.sockets ?? NOTHING_INHERITED;
  const agent = settings && (await startOwnAgent(settings, legacy !== undefined, say));
  const secrets = agent && { localSecrets: agent.secrets, registry: agent.registry };
  const plain = { bootstrap, version, inherited, drainTimes: times, onNotice: say, onQuit };
  const options = { ...plain, ...secrets, adminToken };
  // A socket without a worker of its own would be nobody's.
  const count = legacy?.workers ?? workers;
  const proxy = await start(options, count);
  // The last resort: the pod's traffic must not end with one mistake that nothing else contained.
  process.on("uncaughtException", (error) => say(`internal error: ${error.stack ?? error}`));
  // Timers keep no process alive, and before the first configuration there may be nothing else.
  setInterval(() => {}, AWAKE_MS);
  const input = fromStdin ? text : undefined;
  const certificate = (): HeldCertificate | undefined => agent?.held;
  obeySignals(proxy, times, { workers: count, input, certificate, say });
  if (legacy !== undefined) tellPredecessor();
  // A sidecar is killed with its pod, and only a process that ends by itself writes its cache.
  flushCompileCache();
}

/** Ends the program where one is none. */
function readNumbers(
  { concurrency, drainTimeS, minDrainTimeS }: ProxyArguments,
  say: Say,
): { readonly workers: number; readonly times: DrainTimes } {
  const refuse = (option: string, found: string, allowed: string): never => {
    say(`${option} ${found}: not ${allowed}`);
    process.exit(REFUSED_STATUS);
  };
  const seconds = (option: string, text: string): number =>
    parseDrainSeconds(text) ?? refuse(option, text, DRAIN_ALLOWED);
  const workers = parseConcurrency(concurrency);
  return {
    workers: workers ?? refuse("--concurrency", concurrency, CONCURRENCY_ALLOWED),
    times: drainTimes(
      seconds("--drain-time-s", drainTimeS),
      seconds("--min-drain-time-s", minDrainTimeS),
    ),
  };
}

/** Ends the program where it cannot be read. */
function readAdminToken({ adminTokenFile }: ProxyArguments, say: Say): AccessToken | undefined {
  try {
    return readTokenFile("--admin-token-file", adminTokenFile);
  } catch (error) {
    say((error as Error).message);
    process.exit(REFUSED_STATUS);
  }
}

/** Undefined where no agent is asked for. Ends the program where its flags are wrong. */
function readSettings(args: ProxyArguments, say: Say): AgentSettings | undefined {
  const { ca, root, token } = args;
  if (ca === undefined && root === undefined && token === undefined) return undefined;
  const problems: string[] = [];
  const settings = readAgentFlags(args, problems);
  if (args.configPath === "-" && token === "-") {
    problems.push("--token -: standard input is the bootstrap's");
  }
  for (const problem of problems) say(problem);
  if (problems.length > 0) process.exit(REFUSED_STATUS);
  return settings;
}

/** Ends the program where the agent cannot be started. */
async function startOwnAgent(
  settings: AgentSettings,
  succeeds: boolean,
  say: Say,
): Promise<RunningAgent> {
  const held = succeeds ? await inheritedCertificate() : undefined;
  const { startAgent } = await import("../agent/running-agent.ts");
  const registry = new Registry();
  try {
    const onTokenRefused = (): never => process.exit(FAILED_STATUS);
    const source = { settings, env: process.env, succeeds, held };
    return await startAgent({ ...source, registry, onTokenRefused, say });
  } catch (error) {
    say((error as Error).message);
    process.exit(FAILED_STATUS);
  }
}

function obeySignals(
  proxy: ServingProxy,
  times: DrainTimes,
  succession: Omit<SuccessionOptions, "predecessor" | "unwanted">,
): void {
  let asked = false;
  const leaving = new AbortController();
  const endAs = (ending: Promise<void>): void => {
    asked = true;
    void ending.then(() => process.exit(0));
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (asked) process.exit(FAILED_STATUS);
      leaving.abort();
      // Whoever presses Ctrl-C has no clients that must hear of it first.
      endAs(signal === "SIGTERM" ? proxy.leave() : proxy.stop(times.drainMs));
    });
  }
  let succeeding = false;
  process.on("SIGUSR2", () => {
    if (asked || succeeding) return;
    succeeding = true;
    void startSuccessor({ predecessor: proxy, unwanted: leaving.signal, ...succession })
      .then((serves) => {
        if (serves && !asked) endAs(proxy.makeWay());
      })
      .finally(() => {
        succeeding = false;
      });
  });
  process.on("SIGUSR1", () => proxy.reopenLogs());
}

/** One worker is this thread itself: only several are threads of their own. */
async function start(options: ProxyOptions, workers: number): Promise<ServingProxy> {
  if (workers === 1) return startProxy(options);
  const { startWorkers } = await import("../../proxy/worker/start.ts");
  return startWorkers(options, workers);
}

function readBootstrapFile(file: string, say: (line: string) => void): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    say(`${file} ${fileFault(error)}`);
    return undefined;
  }
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** Only once: what this process starts is no successor. */
function takeLegacy(): Legacy | undefined {
  const legacy = readLegacy(process.env[LEGACY_VARIABLE]);
  delete process.env[LEGACY_VARIABLE];
  return legacy;
}
