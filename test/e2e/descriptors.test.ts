/** A proxy that may open few files, and has more clients than that. */
import { readdirSync, readFileSync } from "node:fs";
import net from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { descriptorBounds } from "../../src/proxy/overload/descriptors.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/envoy-process.ts";
import { GracefulScene } from "../support/graceful-scene.ts";
import { runLoad } from "../support/ledger/load.ts";
import { judge } from "../support/ledger/verdict.ts";

const FILES_MAX = 256;
const CLIENTS = 1000;
const PATIENCE_MS = 60_000;
/** The shell sets both limits, and becomes the program. */
const PREFIX = ["sh", "-c", `ulimit -n ${FILES_MAX} && exec "$@"`, "sh"];
const BOUNDS = descriptorBounds(FILES_MAX);

let scene: GracefulScene | undefined;
const sockets: net.Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await scene?.stop();
  scene = undefined;
});

async function start(concurrency: string, delayMs = 0): Promise<GracefulScene> {
  scene = await GracefulScene.start({
    args: ["--concurrency", concurrency],
    prefix: PREFIX,
    origin: { latency: { kind: "fixed", ms: delayMs } },
  });
  return scene;
}

/** Clients that connect and say nothing; those that the proxy has closed again. */
function crowd(port: number, count: number): { readonly closed: number } {
  const state = { closed: 0 };
  for (let i = 0; i < count; i++) {
    const socket = net.connect(port, "127.0.0.1");
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => state.closed++);
    socket.resume();
  }
  return state;
}

async function stat(of: GracefulScene, name: string): Promise<number> {
  const { body } = await ask(of.admin, `/stats?filter=${name}`);
  const values = [...body.matchAll(/: (\d+)$/gm)].map(([, value]) => Number(value));
  return values.reduce((sum, value) => sum + value, 0);
}

/** True when all threads of the process wait for something. */
function idle(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((task) => {
    return /^State:\s+S/m.test(readFileSync(`/proc/${pid}/task/${task}/status`, "latin1"));
  });
}

function openFiles(pid: number): number {
  return Number(/FDSize:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
}

describe.each(["1", "2"])(`a proxy of --concurrency %s that may open ${FILES_MAX} files`, (n) => {
  it(
    `keeps some of ${CLIENTS} clients and the admin server, and accepts again afterwards`,
    async () => {
      const all = await start(n);
      const many = crowd(all.port("http1"), CLIENTS);
      await eventually("those over the limit are closed", async () => {
        return many.closed === CLIENTS - BOUNDS.connectionsMax;
      });
      expect(await all.readiness()).toBe(200);
      expect(await stat(all, "listener.*downstream_global_cx_overflow")).toBe(many.closed);
      expect(openFiles(all.pid)).toBeLessThanOrEqual(FILES_MAX);
      await eventually("no thread is busy", async () => idle(all.pid));
      for (const socket of sockets.splice(0)) socket.destroy();
      await eventually("they are gone", async () => {
        return (await stat(all, "listener.127.*downstream_cx_active$")) === 0;
      });
      const records = await runLoad({
        protocol: "http1",
        port: all.port("http1"),
        requests: 200,
        connections: 40,
      });
      expect(judge(records, all.ledger).failed).toBe(0);
    },
    PATIENCE_MS,
  );

  it(
    "answers requests for which no descriptor is left, and recovers",
    async () => {
      const all = await start(n, 1000);
      // Every client needs two, and together they need more than there are.
      const records = await runLoad({
        protocol: "http1",
        port: all.port("http1"),
        requests: 400,
        connections: 200,
        timeoutMs: 30_000,
      });
      const { outcomes } = judge(records, all.ledger);
      expect(outcomes.ok).toBeGreaterThan(0);
      expect(outcomes.timeout + outcomes.wrongBody + outcomes.truncated).toBe(0);
      expect(await all.readiness()).toBe(200);
      const after = await runLoad({
        protocol: "http1",
        port: all.port("http1"),
        requests: 40,
        connections: 40,
      });
      expect(judge(after, all.ledger).outcomes.ok).toBe(40);
    },
    PATIENCE_MS,
  );
});
