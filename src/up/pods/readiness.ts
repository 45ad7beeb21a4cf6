import { readFile } from "node:fs/promises";
import { get } from "node:http";
import { connect } from "node:net";
import type { Clock } from "../../base/clock.ts";

/** Asks until the answer is yes; false when `deadlineMs` has passed or `giveUp` says so. */
export async function until(
  clock: Clock,
  ask: () => Promise<boolean>,
  { deadlineMs, giveUp }: { deadlineMs: number; giveUp: () => boolean },
): Promise<boolean> {
  const end = clock.now() + deadlineMs;
  for (;;) {
    if (await ask()) return true;
    if (giveUp() || clock.now() >= end) return false;
    await pause(clock, PAUSE_MS);
  }
}

const PAUSE_MS = 30;

export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

/** True where a GET is answered with 200. */
export function answersOk(host: string, port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host, port, path, agent: false, timeout: 1000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", () => resolve(false));
  });
}

/** True where a connection is taken: to a Unix socket's path, or to a host and port. */
export function accepts(where: string | { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof where === "string" ? connect(where) : connect(where.port, where.host);
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", () => settle(true));
    socket.on("error", () => settle(false));
  });
}

const LISTEN = "0A";

/**
 * Those of the TCP ports that nobody listens on in the network namespace of a process.
 * A connection from outside would only tell that the sidecar accepts (proc(5), /proc/net/tcp).
 */
export async function silentPorts(pid: number, ports: readonly number[]): Promise<number[]> {
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((table) => readFile(`/proc/${pid}/net/${table}`, "utf8").catch(() => "")),
  );
  const listening = new Set(tables.flatMap(listeningPorts));
  return ports.filter((port) => !listening.has(port));
}

/** `sl local_address rem_address st …`, addresses as hexadecimal `ADDRESS:PORT`. */
export function listeningPorts(table: string): number[] {
  return table.split("\n").flatMap((line) => {
    const [, local, , state] = line.trim().split(/\s+/);
    const port = local?.split(":")[1];
    return state === LISTEN && port !== undefined ? [Number.parseInt(port, 16)] : [];
  });
}
