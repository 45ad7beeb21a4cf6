/** Starts a program, waits until it answers, and ends it by its own id. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const READY_MS_MAX = 15_000;
const END_MS_MAX = 5_000;
const POLL_MS = 20;

/** `answers`: GET / with a 200; `accepts`: takes connections, whatever it speaks on them. */
export type Ready = "answers" | "accepts";

/** A free port on loopback; another program could take it before we do, which then fails loudly. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

async function answers(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
  await response?.arrayBuffer().catch(() => undefined);
  return response?.status === 200;
}

/** SIGTERM, and SIGKILL for what does not go in `patienceMs`. */
export async function endProcess(
  child: ChildProcess,
  patienceMs: number = END_MS_MAX,
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  await gone;
  clearTimeout(late);
}

export class Running {
  readonly name: string;
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #log: string;

  private constructor(name: string, port: number, child: ChildProcess, log: string) {
    this.name = name;
    this.port = port;
    this.#child = child;
    this.#log = log;
  }

  /** @param folder Gets the program's output as NAME.log. */
  static async start(
    name: string,
    port: number,
    command: readonly [string, ...string[]],
    folder: string,
    ready: Ready,
  ): Promise<Running> {
    const [program, ...args] = command;
    const log = path.join(folder, `${name}.log`);
    const output = fs.openSync(log, "w");
    const child = spawn(program, args, { cwd: folder, stdio: ["ignore", output, output] });
    fs.closeSync(output);
    const running = new Running(name, port, child, log);
    try {
      await running.#ready(ready === "answers" ? answers : accepts);
    } catch (error) {
      await running.end();
      throw error;
    }
    return running;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #ready(isReady: (port: number) => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + READY_MS_MAX;
    while (Date.now() < deadline && !this.#ended) {
      if (await isReady(this.port)) return;
      await sleep(POLL_MS);
    }
    const log = fs.readFileSync(this.#log, "utf8").trim().split("\n").slice(-10).join("\n");
    throw new Error(`${this.name} does not serve on port ${this.port}:\n${log}`);
  }

  async end(patienceMs?: number): Promise<void> {
    await endProcess(this.#child, patienceMs);
  }
}
