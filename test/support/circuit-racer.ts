/** A thread that calls through a shared circuit as fast as it can, and keeps account. */
import { parentPort, workerData } from "node:worker_threads";
import { SeededRandom } from "../../src/base/random.ts";
import type { CircuitBreaker } from "../../src/model/resilience/circuit-breaker.ts";
import type { CircuitMemory } from "../../src/proxy/circuit/circuit-memory.ts";
import { SharedCircuit } from "../../src/proxy/circuit/shared-circuit.ts";

export interface RacerData {
  readonly policy: CircuitBreaker;
  readonly memory: CircuitMemory;
  readonly worker: number;
  /** Rounds: each a bundle of calls that overlap. */
  readonly rounds: number;
  /** Cells that all racers share: calls under way now, and the most at a time; a clock. */
  readonly shared: Int32Array<SharedArrayBuffer>;
}

export const ACTIVE = 0;
export const MOST = 1;
export const CLOCK = 2;

export interface RacerAccount {
  /** Changes that this thread made, by the state that they led to. */
  readonly changes: Readonly<Record<string, number>>;
  readonly passed: number;
  readonly refused: number;
}

const OVERLAP = 4;

function race({ memory, policy, rounds, shared, worker }: RacerData): RacerAccount {
  const changes: Record<string, number> = { closed: 0, open: 0, halfOpen: 0 };
  const onTransition = (_: string, to: string): void => {
    changes[to] = (changes[to] ?? 0) + 1;
  };
  const circuit = new SharedCircuit(policy, memory, worker, { onTransition });
  const random = new SeededRandom(worker + 1);
  let passed = 0;
  let refused = 0;
  for (let round = 0; round < rounds; round++) {
    const permits: number[] = [];
    for (let i = 0; i < OVERLAP; i++) {
      const now = Atomics.add(shared, CLOCK, 1);
      const permit = circuit.acquire(now);
      if (permit === 0) refused++;
      else if (circuit.takeCall(policy.maxConcurrent ?? 0)) {
        permits.push(permit);
        noteMost(shared, Atomics.add(shared, ACTIVE, 1) + 1);
      } else circuit.record("ignored", now, permit);
    }
    for (const permit of permits) {
      passed++;
      Atomics.sub(shared, ACTIVE, 1);
      const outcome = random.below(2) === 0 ? "failure" : "success";
      circuit.record(outcome, Atomics.load(shared, CLOCK), permit);
      circuit.releaseCall();
    }
  }
  return { changes, passed, refused };
}

function noteMost(shared: Int32Array, active: number): void {
  for (;;) {
    const most = Atomics.load(shared, MOST);
    if (active <= most || Atomics.compareExchange(shared, MOST, most, active) === most) return;
  }
}

parentPort?.postMessage(race(workerData as RacerData));
