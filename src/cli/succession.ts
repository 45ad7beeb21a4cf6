import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { HeldCertificate } from "../agent/agent.ts";
import { type HeldSocket, LEGACY_VARIABLE, legacyText } from "../proxy/graceful/inheritance.ts";

/** Whose place is to be taken. */
export interface Predecessor {
  held(): Promise<readonly HeldSocket[]>;
}

export interface SuccessionOptions {
  readonly predecessor: Predecessor;
  /** The certificate that it goes on with, where this process has one. */
  readonly certificate: () => HeldCertificate | undefined;
  readonly workers: number;
  /** What was read of standard input, which a successor cannot read again. */
  readonly input: string | undefined;
  /** This process is to end for good: nobody shall succeed it. */
  readonly unwanted: AbortSignal;
  readonly say: (line: string) => void;
}

/** The first message to a successor. */
interface Bequest {
  readonly certificate: HeldCertificate | undefined;
}

const BEQUEST_MS = 5000;
/** What a successor says when it accepts connections. */
const SERVING = "serving";
/** A successor that has no configuration after so long is given up. */
const PATIENCE_MS = 120_000;
/** The first process of a container: with it all others end. */
const INIT_PID = 1;

/**
 * Starts this program once more, as it was started, with the sockets that this one listens with.
 * True when the other accepts connections; false where it could not, and nothing has changed.
 */
export async function startSuccessor(options: SuccessionOptions): Promise<boolean> {
  try {
    return await succeed(options);
  } catch (error) {
    options.say(`no successor is started: ${(error as Error).message}`);
    return false;
  }
}

/** Rejects where the system starts no process. */
async function succeed(options: SuccessionOptions): Promise<boolean> {
  const { predecessor, say, unwanted } = options;
  const held = await predecessor.held();
  if (unwanted.aborted) return false;
  const objection = objectionTo(held);
  if (objection !== undefined) {
    say(`no successor is started: ${objection}`);
    return false;
  }
  const child = start(held, options);
  say(`process ${child.pid} is to succeed this one, ${process.pid}`);
  // A key goes neither into an environment nor into a file.
  child.send({ certificate: options.certificate() } satisfies Bequest, () => undefined);
  const failure = await outcomeOf(child, unwanted);
  if (failure !== undefined) {
    say(`the successor ${failure}; this process ${unwanted.aborted ? "ends" : "goes on serving"}`);
    return false;
  }
  say(`process ${child.pid} serves now; this one, ${process.pid}, finishes what it has begun`);
  return true;
}

/**
 * What the predecessor has left: its certificate, where it had one. Undefined as well where it says
 * nothing for long.
 */
export async function inheritedCertificate(): Promise<HeldCertificate | undefined> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), BEQUEST_MS);
  try {
    const [message] = (await once(process, "message", { signal: late.signal })) as [Bequest];
    return message.certificate;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Tells the predecessor, where there is one, that it is not needed any more. */
export function tellPredecessor(): void {
  process.send?.(SERVING, () => {
    process.disconnect?.();
  });
}

function objectionTo(held: readonly HeldSocket[]): string | undefined {
  if (process.pid === INIT_PID) return "this is process 1, whose end is its container's";
  const path = held.find(({ address }) => address.startsWith("/"));
  // The system takes a path away when the process that made it lets go of it.
  if (path !== undefined) return `${path.address} is a path, which cannot be handed over`;
  return undefined;
}

function start(held: readonly HeldSocket[], { workers, input }: SuccessionOptions): ChildProcess {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: { ...process.env, [LEGACY_VARIABLE]: legacyText(workers, held) },
    stdio: [
      input === undefined ? "inherit" : "pipe",
      ...(["inherit", "inherit"] as const),
      ...held.map(({ fd }) => fd),
      "ipc",
    ],
  });
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  return child;
}

/** Undefined when it serves, else what became of it. */
async function outcomeOf(child: ChildProcess, unwanted: AbortSignal): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const onUnwanted = (): void => {
      child.kill("SIGTERM");
      settle("is told to end as well");
    };
    const late = setTimeout(() => {
      child.kill("SIGKILL");
      resolve(`has no configuration after ${PATIENCE_MS / 1000} s and was ended`);
    }, PATIENCE_MS);
    const settle = (outcome: string | undefined): void => {
      clearTimeout(late);
      unwanted.removeEventListener("abort", onUnwanted);
      child.removeAllListeners();
      // This process ends when its own work is done, whatever the other does.
      if (child.connected) child.disconnect();
      child.unref();
      resolve(outcome);
    };
    unwanted.addEventListener("abort", onUnwanted);
    child.once("message", (message) => {
      if (message === SERVING) settle(undefined);
    });
    child.once("error", (error) => settle(`could not be started: ${error.message}`));
    child.once("exit", (status, signal) => settle(`ended with ${signal ?? `status ${status}`}`));
  });
}
