/**
 * What users of opossum 10 and cockatiel 4 meet, as tests that ours passes.
 */
import Opossum from "opossum";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { circuitBreaker } from "../circuit-breaker.ts";
import { BadRequestError } from "../errors.ts";
import { currentCall } from "./guard.ts";
import type { CommandOptions } from "./options.ts";

async function quietly(promise: Promise<unknown>): Promise<unknown> {
  return await promise.catch((error) => error);
}

function failing(options: CommandOptions = {}) {
  const clock = new VirtualClock();
  const origin = { error: new Error("down") as Error | undefined };
  const ask = circuitBreaker(
    async () => {
      if (origin.error !== undefined) throw origin.error;
      return "up";
    },
    { name: "ask", clock, ...options },
  );
  return { ask, clock, origin };
}

describe("where opossum", () => {
  it("sorts all latencies at each failure: ours reads none", async () => {
    const { ask } = failing({ requestVolumeThreshold: 1e9 });
    const { execute } = ask.breaker.stats;
    let read = 0;
    const percentile = execute.percentile.bind(execute);
    execute.percentile = (...asked) => {
      read++;
      return percentile(...asked);
    };
    for (let call = 0; call < 100; call++) await quietly(ask());
    expect(read).toBe(0);
    expect(ask.breaker.stats.snapshot().latencyExecute.count).toBe(100);
    expect(read).toBeGreaterThan(0);
  });

  it("keeps every latency of the window: ours keeps as much as before", async () => {
    const opossum = new Opossum(async () => 1, { timeout: false });
    for (let call = 0; call < 100; call++) await opossum.fire();
    expect(opossum.stats.latencyTimes.length).toBe(100);
    opossum.shutdown();

    const { ask } = failing({ requestVolumeThreshold: 1e9 });
    const { otherExecutions } = ask.breaker.stats;
    for (let call = 0; call < 1000; call++) otherExecutions.add(call, 5);
    expect(ask.breaker.latencyExecute.count(5)).toBe(1000);
    expect(Object.keys(otherExecutions)).toEqual([]);
  });

  it("counts refused calls into its rate: ours judges by calls that were made", async () => {
    const { ask, clock, origin } = failing();
    for (let call = 0; call < 20; call++) await quietly(ask());
    for (let call = 0; call < 500; call++) await quietly(ask());
    clock.advance(5000);
    origin.error = undefined;
    expect(await ask()).toBe("up");
    expect(ask.breaker.stats.snapshot().health).toMatchObject({ requests: 0, errors: 0 });
    origin.error = new Error("down again");
    for (let call = 0; call < 19; call++) await quietly(ask());
    expect(ask.breaker.state).toBe("closed");
    await quietly(ask());
    expect(ask.breaker.state).toBe("open");
  });

  it("stays half-open for ever when a probe hangs: ours has a deadline", async () => {
    const { clock } = failing();
    let hangs = false;
    const ask = circuitBreaker(
      () => (hangs ? new Promise<never>(() => {}) : Promise.reject(new Error("down"))),
      { clock, timeoutEnabled: false },
    );
    for (let call = 0; call < 20; call++) await quietly(ask());
    clock.advance(5000);
    hangs = true;
    void ask();
    expect(ask.breaker.state).toBe("halfOpen");
    clock.advance(4999);
    expect(ask.breaker.allow()).toBe(false);
    clock.advance(1);
    expect(ask.breaker.allow()).toBe(false);
    expect(ask.breaker.state).toBe("open");
    clock.advance(5000);
    expect(ask.breaker.allow()).toBe(true);
  });

  it("closes a half-open circuit by an error that it filters: ours does not", async () => {
    const { ask, clock, origin } = failing();
    for (let call = 0; call < 20; call++) await quietly(ask());
    clock.advance(5000);
    origin.error = new BadRequestError("no id");
    await quietly(ask());
    expect(ask.breaker.state).toBe("open");
  });

  it("aborts all calls with the timeout of one: ours aborts that one", async () => {
    const clock = new VirtualClock();
    const signals: AbortSignal[] = [];
    const ask = circuitBreaker(
      () => {
        signals.push(currentCall().signal);
        return new Promise<never>(() => {});
      },
      { clock },
    );
    const first = quietly(ask());
    clock.advance(600);
    void quietly(ask());
    clock.advance(400);
    expect(await first).toMatchObject({ reason: "timeout" });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  });

  it("runs any number of fallbacks: ours ten", async () => {
    const ask = circuitBreaker(async () => 1, {
      forceOpen: true,
      fallback: () => new Promise<number>(() => {}),
    });
    for (let call = 0; call < 10; call++) void ask();
    expect(await quietly(ask())).toMatchObject({ name: "FallbackFullError" });
  });
});

describe("where cockatiel", () => {
  it("counts failures of before a pause: ours counts those of its window", async () => {
    const { ask, clock } = failing({ requestVolumeThreshold: 6 });
    for (let call = 0; call < 5; call++) await quietly(ask());
    clock.advance(10 * 60_000);
    await quietly(ask());
    expect(ask.breaker.state).toBe("closed");
    expect(ask.breaker.stats.snapshot().health).toMatchObject({ requests: 1, errors: 1 });
  });

  it("lets callers wait without end while it is half-open: ours refuses them at once", async () => {
    const { ask, clock } = failing({ halfOpenRequests: 2 });
    for (let call = 0; call < 20; call++) await quietly(ask());
    clock.advance(5000);
    expect([1, 2, 3].map(() => ask.breaker.allow())).toEqual([true, true, false]);
  });
});

describe("what users ask both for in vain", () => {
  it("opens for calls that are slow, though they succeed", async () => {
    const clock = new VirtualClock();
    const wait = circuitBreaker(
      (ms: number) => {
        clock.advance(ms);
        return Promise.resolve(ms);
      },
      {
        clock,
        requestVolumeThreshold: 4,
        slowCalls: { durationInMilliseconds: 200, ratePercentage: 50 },
      },
    );
    for (const ms of [10, 300, 10]) await wait(ms);
    expect(wait.breaker.state).toBe("closed");
    await wait(200);
    expect(wait.breaker.state).toBe("open");
    clock.advance(5000);
    await wait(300);
    expect(wait.breaker.state).toBe("open");
    clock.advance(5000);
    await wait(10);
    expect(wait.breaker.state).toBe("closed");
  });

  it("has thresholds for classes of errors", async () => {
    const isLimit = (error: unknown): boolean => error instanceof RangeError;
    const { ask, origin } = failing({
      errorClasses: [
        { name: "limit", matches: isLimit, strategy: { kind: "consecutive", failures: 30 } },
      ],
    });
    origin.error = new RangeError("limit");
    for (let call = 0; call < 29; call++) await quietly(ask());
    expect(ask.breaker.state).toBe("closed");
    await quietly(ask());
    expect(ask.breaker.state).toBe("open");
  });

  it("counts transitions, so that a short opening is not lost between two looks", async () => {
    const { ask, clock, origin } = failing();
    const heard: string[] = [];
    const stop = ask.breaker.on("transition", ({ from, to }) => heard.push(`${from} ${to}`));
    for (let call = 0; call < 20; call++) await quietly(ask());
    clock.advance(5000);
    origin.error = undefined;
    await ask();
    const { transitions, state } = ask.breaker.stats.snapshot();
    expect(state).toBe("closed");
    expect(transitions.open).toEqual({ count: 1, lastAt: clock.wall() - 5000 });
    expect(transitions.closed).toEqual({ count: 1, lastAt: clock.wall() });
    expect(heard).toEqual(["closed open", "open halfOpen", "halfOpen closed"]);
    stop();
    ask.breaker.open();
    expect(heard).toHaveLength(3);
  });

  it("goes on in another process where this one stood", async () => {
    const { ask, clock } = failing({ name: "ratings" });
    for (let call = 0; call < 20; call++) await quietly(ask());
    clock.advance(2000);
    const text = JSON.stringify(ask.breaker);
    const later = new VirtualClock(clock.wall() + 1000);
    const again = circuitBreaker(async () => "up", { clock: later, state: JSON.parse(text) });
    expect(again.breaker.state).toBe("open");
    later.advance(1999);
    expect(await quietly(again())).toMatchObject({ reason: "circuit_open" });
    later.advance(1);
    expect(await again()).toBe("up");
  });

  it("says all that is wrong with a state, and with numbers", () => {
    const state = { version: 2, name: "x", state: "ajar", forced: "no" } as never;
    expect(() => circuitBreaker(async () => 1, { state })).toThrow(
      'the state of a circuit: wrong version 2, state "ajar", changedAt undefined, ' +
        "openUntil undefined, openings undefined",
    );
    expect(() =>
      circuitBreaker(async () => 1, { timeoutInMilliseconds: 0, errorThresholdPercentage: 101 }),
    ).toThrow(
      "timeoutInMilliseconds 0: a number from 1 on is needed; " +
        "errorThresholdPercentage 101: a number from 0 to 100 is needed",
    );
  });
});
