import { beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { Lifecycle } from "./lifecycle.ts";

let clock: VirtualClock;
let happened: string[];
let initialized: boolean;
let lifecycle: Lifecycle;

beforeEach(() => {
  clock = new VirtualClock();
  happened = [];
  initialized = true;
  const note = (what: string): void => {
    happened.push(`${clock.now()} ${what}`);
  };
  const plane = {
    discourage: (how: unknown) => note(`discourage ${JSON.stringify(how)}`),
    drain: (how: unknown) => note(`drain ${JSON.stringify(how)}`),
    stop: async (graceMs: number, patienceMs: number) => note(`stop ${graceMs} ${patienceMs}`),
  };
  const times = { drainMs: 20_000, acceptMs: 3000 };
  lifecycle = new Lifecycle(plane, clock, times, () => initialized);
});

const ALL = '{"inboundOnly":false,"patienceMs":5000}';

it("is LIVE once there is a configuration", () => {
  initialized = false;
  expect(lifecycle.state).toBe("INITIALIZING");
  initialized = true;
  expect(lifecycle.state).toBe("LIVE");
});

it("is DRAINING between a failed health check and the next that passes", () => {
  lifecycle.failHealthCheck();
  expect(lifecycle.state).toBe("DRAINING");
  lifecycle.passHealthCheck();
  expect(lifecycle.state).toBe("LIVE");
  expect(happened).toEqual([`0 discourage ${ALL}`, "0 discourage undefined"]);
});

describe("leaving", () => {
  it("says so, accepts on for a while, and then stops", async () => {
    const left = lifecycle.leave({ drainMs: 20_000, acceptMs: 3000 });
    expect(lifecycle.state).toBe("DRAINING");
    clock.advance(2999);
    await Promise.resolve();
    expect(happened).toEqual(['0 discourage {"inboundOnly":false,"patienceMs":3000}']);
    clock.advance(1);
    await left;
    expect(happened.at(-1)).toBe("3000 stop 17000 0");
  });

  it("never takes longer than the drain time", async () => {
    const left = lifecycle.leave({ drainMs: 1000, acceptMs: 3000 });
    clock.advance(1000);
    await left;
    expect(happened.at(-1)).toBe("1000 stop 0 0");
  });

  it("stops at once where it is not to accept on", async () => {
    await lifecycle.leave({ drainMs: 7000, acceptMs: 0 });
    expect(happened).toEqual(["0 stop 7000 0"]);
  });

  it("is not called off by a health check that passes", async () => {
    const left = lifecycle.leave({ drainMs: 20_000, acceptMs: 3000 });
    lifecycle.passHealthCheck();
    expect(lifecycle.state).toBe("DRAINING");
    expect(happened).toHaveLength(1);
    clock.advance(3000);
    await left;
  });
});

it("makes way for a successor without accepting on, and with patience", async () => {
  await lifecycle.makeWay();
  expect(happened).toEqual(["0 stop 20000 5000"]);
  expect(lifecycle.state).toBe("DRAINING");
});

describe("draining listeners", () => {
  it("closes them at once", () => {
    lifecycle.drainListeners({ graceful: false, inboundOnly: true, skipExit: false });
    expect(happened).toEqual(['0 drain {"inboundOnly":true,"patienceMs":5000}']);
    expect(lifecycle.state).toBe("LIVE");
  });

  it("gracefully discourages clients for the drain time before", () => {
    lifecycle.drainListeners({ graceful: true, inboundOnly: false, skipExit: false });
    clock.advance(19_999);
    expect(happened).toEqual([`0 discourage ${ALL}`]);
    clock.advance(1);
    expect(happened.at(-1)).toBe(`20000 drain ${ALL}`);
  });

  it("leaves them open where that is asked", () => {
    lifecycle.drainListeners({ graceful: true, inboundOnly: false, skipExit: true });
    clock.advance(100_000);
    expect(happened).toEqual([`0 discourage ${ALL}`]);
  });
});
