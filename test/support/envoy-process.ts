import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { mortal } from "./mortal.ts";
import { tool } from "./tools.ts";

/** A program under test, started on a file of its own. */
export interface RunningProgram {
  readonly pid: number;
  /** What it wrote on stderr so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Runs the real Envoy on a bootstrap, as one worker; `stop` waits until it is gone. */
export function startEnvoy(bootstrap: string): RunningProgram {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-envoy-"));
  const file = path.join(folder, "envoy.yaml");
  fs.writeFileSync(file, bootstrap);
  const args = ["-c", file, "--concurrency", "1", "--disable-hot-restart", "-l", "warning"];
  return supervise(start(tool("envoy"), args), folder);
}

/** Options of our data plane: what a test leaves open is of no interest to it. */
export const ENDS_SOON = ["--min-drain-time-s", "0", "--drain-time-s", "2"] as const;

/** Runs our own data plane on the same kind of file. */
export function startOutrigger(bootstrap: string, workers = 1): RunningProgram {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-proxy-"));
  const file = path.join(folder, "envoy.yaml");
  fs.writeFileSync(file, bootstrap);
  const threads = ["--concurrency", String(workers)];
  const args = ["src/cli/main.ts", "proxy", "-c", file, ...threads, ...ENDS_SOON];
  return supervise(start(process.execPath, args), folder);
}

function start(program: string, args: readonly string[]): ChildProcess {
  return spawn(...mortal(program, args), { stdio: ["ignore", "ignore", "pipe"] });
}

function supervise(child: ChildProcess, folder: string): RunningProgram {
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString("latin1");
  });
  const exited = once(child, "exit");
  return {
    pid: child.pid ?? 0,
    log: () => log,
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What `envoy --mode validate` says of a bootstrap; undefined where it is content. */
export async function validateWithEnvoy(bootstrap: string): Promise<string | undefined> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-envoy-"));
  const file = path.join(folder, "envoy.json");
  fs.writeFileSync(file, bootstrap);
  const args = ["--mode", "validate", "-c", file, "-l", "error"];
  const child = spawn(...mortal(tool("envoy"), args));
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString("latin1");
  });
  child.stdout.resume();
  const [status] = (await once(child, "exit")) as [number | null];
  fs.rmSync(folder, { recursive: true, force: true });
  return status === 0 ? undefined : log;
}

/** A port that was free a moment ago, on the loopback address. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const POLL_MS = 25;
const PATIENCE_MS = 60_000;

/** Asks again and again until the answer is yes; fails with `what` when it never is. */
export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`never came true: ${what}`);
}
