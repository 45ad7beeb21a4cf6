import { expect, it } from "vitest";
import { ENVOY_THRESHOLDS } from "../../model/cluster.ts";
import type { ConnectionWaiter } from "./connection-queue.ts";
import { releaseAll, SharedLimits, sharedUse } from "./shared-limits.ts";

/** A pool of one worker: takes a connection when it is told that one is left. */
class Pool implements ConnectionWaiter {
  readonly limits: SharedLimits;
  held = 0;
  wanted = true;
  /** Closes an idle connection when it is called, as pools do. */
  constructor(limits: SharedLimits, idle: boolean) {
    this.limits = limits;
    limits.listen(() => {
      if (idle && this.held > 0) this.release();
    });
  }

  ask(): void {
    if (!this.wanted) return;
    if (this.limits.takeConnection() || this.limits.takeFirstConnection(this)) this.held++;
  }

  release(): void {
    this.held--;
    this.limits.releaseConnection();
  }

  onConnectionLeft(): void {
    this.ask();
  }
}

interface Scene {
  readonly pools: Pool[];
  readonly use: Int32Array;
}

function scene(maxConnections: number, count: number, idle: boolean): Scene {
  const use = sharedUse(count);
  const pools = Array.from({ length: count }, (_, worker) => {
    const thresholds = { ...ENVOY_THRESHOLDS, maxConnections };
    return new Pool(new SharedLimits(thresholds, use, worker), idle);
  });
  return { pools, use };
}

function held({ pools }: Scene): number[] {
  return pools.map((pool) => pool.held);
}

/** Threads are woken by the platform, some turns of the event loop later. */
async function settled(scene: Scene, expected: readonly number[]): Promise<void> {
  while (String(held(scene)) !== String(expected)) {
    await new Promise((turn) => setImmediate(turn));
  }
  for (let turn = 0; turn < 20; turn++) await new Promise((next) => setImmediate(next));
  expect(held(scene)).toEqual(expected);
}

it("hands an idle connection to a worker that has none", async () => {
  const two = scene(1, 2, true);
  const [one, other] = two.pools as [Pool, Pool];
  one.ask();
  other.ask();
  await settled(two, [0, 1]);
});

it("lets a worker wait until another's connection is free", async () => {
  const two = scene(1, 2, false);
  const [one, other] = two.pools as [Pool, Pool];
  one.ask();
  other.ask();
  expect([one.limits.connectionWanted, held(two)]).toEqual([true, [1, 0]]);
  one.release();
  await settled(two, [0, 1]);
  expect(one.limits.connectionWanted).toBe(false);
});

it("puts who gave one up behind those that waited", async () => {
  const two = scene(1, 2, false);
  const [one, other] = two.pools as [Pool, Pool];
  one.ask();
  other.ask();
  one.release();
  one.ask();
  await settled(two, [0, 1]);
  other.release();
  await settled(two, [1, 0]);
});

it("goes on to the next where who waited wants none any more", async () => {
  const three = scene(1, 3, false);
  const [one, other, third] = three.pools as [Pool, Pool, Pool];
  one.ask();
  other.ask();
  third.ask();
  other.wanted = false;
  one.release();
  await settled(three, [0, 0, 1]);
});

it("forgets that a worker waited which has ended, and frees what it held", async () => {
  const three = scene(1, 3, false);
  const [one, other, third] = three.pools as [Pool, Pool, Pool];
  one.ask();
  other.ask();
  other.wanted = false;
  third.ask();
  releaseAll(three.use, 1);
  releaseAll(three.use, 0);
  one.held = 0;
  await settled(three, [0, 0, 1]);
});

it("never has more than the threshold allows, however many ask", async () => {
  const many = scene(2, 5, true);
  let most = 0;
  for (let round = 0; round < 200; round++) {
    for (const pool of many.pools) if (pool.held === 0) pool.ask();
    most = Math.max(
      most,
      held(many).reduce((sum, each) => sum + each, 0),
    );
    await new Promise((turn) => setImmediate(turn));
  }
  expect(most).toBe(2);
});

it("wakes those that wait when the threshold rises", async () => {
  const two = scene(1, 2, false);
  const [one, other] = two.pools as [Pool, Pool];
  one.ask();
  other.ask();
  const raised = { ...ENVOY_THRESHOLDS, maxConnections: 2 };
  for (const { limits } of two.pools) limits.change(raised);
  await settled(two, [1, 1]);
});
