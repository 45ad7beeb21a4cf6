import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { MOST, type RacerAccount, type RacerData } from "../../../test/support/circuit-racer.ts";
import { running } from "../../../test/support/one-hop.ts";
import { CIRCUIT_DEFAULTS } from "../../model/resilience/circuit-bounds.ts";
import { circuitMemory } from "./circuit-memory.ts";
import { NO_WORKER, SharedCircuit } from "./shared-circuit.ts";

const RACER = new URL("../../../test/support/circuit-racer.ts", import.meta.url);
const THREADS = 4;
const ROUNDS = 20_000;
const MAX_CONCURRENT = 7;

it("is one circuit to four threads that race: nothing is lost or over its limit", async () => {
  const policy = {
    ...CIRCUIT_DEFAULTS,
    name: "default/race",
    window: { durationMs: 1000, buckets: 10 },
    sleepMs: 50,
    probes: 3,
    maxConcurrent: MAX_CONCURRENT,
  };
  const memory = circuitMemory(policy, THREADS);
  const shared = new Int32Array(new SharedArrayBuffer(12));
  const accounts = await Promise.all(
    Array.from({ length: THREADS }, async (_, worker) => {
      const workerData: RacerData = { policy, memory, worker, rounds: ROUNDS, shared };
      const thread = new Worker(RACER, { workerData });
      running.push({ stop: async () => void (await thread.terminate()) });
      const [account] = (await once(thread, "message")) as [RacerAccount];
      return account;
    }),
  );
  const main = new SharedCircuit(policy, memory, NO_WORKER, { onTransition: () => undefined });
  const sum = (of: (account: RacerAccount) => number): number =>
    accounts.reduce((total, account) => total + of(account), 0);
  const changes = (to: string): number => sum(({ changes: own }) => own[to] ?? 0);
  expect(shared[MOST]).toBeLessThanOrEqual(MAX_CONCURRENT);
  expect(main.calls).toBe(0);
  expect(sum(({ passed }) => passed)).toBeGreaterThan(0);
  expect(sum(({ refused }) => refused)).toBeGreaterThan(0);
  // Each change was made by one thread, and noted once.
  const all = changes("closed") + changes("open") + changes("halfOpen");
  expect(all).toBeGreaterThan(32);
  expect(main.history.count).toBe(all);
  expect(Math.abs(changes("open") - changes("halfOpen"))).toBeLessThanOrEqual(1);
  expect(main.history.read()).toHaveLength(32);
  for (let worker = 0; worker < THREADS; worker++) main.releaseAll(worker, 0);
  expect(main.calls).toBe(0);
});
