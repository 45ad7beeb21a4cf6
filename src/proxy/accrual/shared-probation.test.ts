import { afterEach, beforeEach, expect, it } from "vitest";
import { type ProxySetup, startSetup } from "../../../test/support/proxy-setup.ts";
import { assignment, edsCluster } from "../../../test/support/sample-snapshot.ts";
import { VirtualClock } from "../../base/clock.ts";
import { SeededRandom } from "../../base/random.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";
import { Registry } from "../../metrics/registry.ts";
import { ACCRUAL_DEFAULTS } from "../../model/upstream/failure-accrual.ts";
import type { Host } from "../cluster/host.ts";
import { allAtOnce } from "../cluster/host-balance.ts";
import { AccrualMemory } from "./accrual-memory.ts";
import { AccrualStats } from "./accrual-stats.ts";
import { accrualTables } from "./accrual-tables.ts";
import { accrualCellsOf, circuitCellsOf, EndpointAccrual } from "./endpoint-accrual.ts";

const ACCRUAL = { ...ACCRUAL_DEFAULTS, maxFailures: 1, jitterRatio: 0 };

let clock: VirtualClock;
let setups: ProxySetup[];
let here: Host;
let there: Host;

/** The same endpoint, as another thread knows it. */
async function hostOn(memory: AccrualMemory): Promise<Host> {
  const setup = await startSetup([], [], clock);
  setups.push(setup);
  const { clusters } = setup.proxy.dataPlane;
  allAtOnce(clusters.prepare([edsCluster("cart")], [assignment("cart", [1])]))();
  const host = clusters.slot("cart").cluster?.hosts[0];
  if (host === undefined) throw new Error("no host");
  const stats = new AccrualStats(accrualTables(new Registry()), "cart");
  const listener = { onShut: () => undefined };
  const random = new SeededRandom(1);
  void new EndpointAccrual(host, ACCRUAL, { clock, random, stats, listener, memory });
  return host;
}

beforeEach(async () => {
  clock = new VirtualClock();
  clock.advance(1);
  setups = [];
  const numbers = new Int32Array(new SharedArrayBuffer(accrualCellsOf(ACCRUAL) * 4));
  here = await hostOn(new AccrualMemory(numbers, circuitCellsOf(ACCRUAL)));
  there = await hostOn(new AccrualMemory(numbers, circuitCellsOf(ACCRUAL)));
  here.monitor?.onStart();
  here.monitor?.onResponse(500, -1, new HeaderTable());
  clock.advance(1000);
});

afterEach(async () => {
  for (const setup of setups) await setup.stop();
});

it("a probation that one thread gives up is soon another one's", () => {
  const probe = here.monitor;
  probe?.onStart();
  expect([here.isShut, there.isShut]).toEqual([true, true]);
  clock.advance(20);
  expect(there.isShut).toBe(true);
  probe?.onCancel();
  clock.advance(20);
  expect([here.isShut, there.isShut]).toEqual([false, false]);
  const other = there.monitor;
  other?.onStart();
  expect(there.isShut).toBe(true);
  other?.onEnd(200, -1);
  expect([here.isShut, there.isShut]).toEqual([false, false]);
});

it("whoever gives a probation up sends no more requests beside the next one", () => {
  const probe = here.monitor;
  probe?.onStart();
  probe?.onCancel();
  const other = there.monitor;
  other?.onStart();
  clock.advance(20);
  expect(here.isShut).toBe(true);
  other?.onEnd(500, -1);
  expect([here.isShut, there.isShut]).toEqual([true, true]);
  clock.advance(2000);
  expect([here.isShut, there.isShut]).toEqual([false, false]);
});

it("a session keeps to no endpoint that another thread has shut", () => {
  const { cluster, text } = there;
  there.gate?.sync();
  clock.advance(1);
  expect(cluster.pickForSession(text)).toBe(there);
  here.monitor?.onStart();
  expect(cluster.pickForSession(text)).toBeUndefined();
});
