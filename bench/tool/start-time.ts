/** From the start of a process to its first answer. */
import { spawn } from "node:child_process";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { endProcess } from "./running.ts";

const POLL_MS = 1;
const START_MS_MAX = 15_000;

/** Whether a request on a new connection is answered; `false` where none is accepted. */
function isAnswered(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once("connect", () => socket.write("GET / HTTP/1.1\r\nhost: bench\r\n\r\n"));
    socket.once("data", (bytes) => end(bytes.toString("latin1", 9, 12) === "200"));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
  });
}

/** @returns milliseconds. */
export async function startTime(
  command: readonly [string, ...string[]],
  port: number,
  folder: string,
): Promise<number> {
  const [program, ...args] = command;
  const start = performance.now();
  const child = spawn(program, args, { cwd: folder, stdio: "ignore" });
  try {
    while (performance.now() - start < START_MS_MAX && child.exitCode === null) {
      if (await isAnswered(port)) return performance.now() - start;
      await sleep(POLL_MS);
    }
    throw new Error(
      `${program} has not answered after ${Math.round(performance.now() - start)} ms`,
    );
  } finally {
    // Gently: what is killed may not have written its cache of compiled code yet.
    await endProcess(child);
  }
}
