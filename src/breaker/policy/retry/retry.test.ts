import { describe, expect, it } from "vitest";
import { ScriptedWork, stateOf, turn } from "../../../../test/support/scripted-work.ts";
import { VirtualClock } from "../../../base/clock.ts";
import { BadRequestError, CircuitOpenError, RateLimitedError } from "../../errors.ts";
import { type RetryEvent, type RetryOptions, retry } from "./retry.ts";
import { RetryBudget } from "./retry-budget.ts";

const MOST = (): number => 1 - Number.EPSILON;

/** A retry on virtual time, which waits the longest that its back-off may. */
function scene(options: RetryOptions = {}) {
  const clock = new VirtualClock();
  const service = new ScriptedWork();
  const events: RetryEvent[] = [];
  const policy = retry({
    clock,
    chance: MOST,
    onRetry: (event) => events.push(event),
    ...options,
  });
  return { clock, service, events, policy };
}

function refused(): Error {
  return new TypeError("fetch failed", {
    cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }),
  });
}

describe("retry", () => {
  it("repeats calls that were never sent, waits twice as long, says which try it is", async () => {
    const { clock, service, events, policy } = scene();
    const answer = policy.run(service.work);
    for (const waitMs of [100, 200]) {
      service.at(service.calls.length - 1).fail(refused());
      await turn();
      clock.advance(waitMs);
      await turn();
    }
    service.at(2).answer("third time");
    expect(await answer).toBe("third time");
    expect(service.calls.map(({ call }) => call.attempt)).toEqual([0, 1, 2]);
    expect(events.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(events.map(({ delayMs }) => Math.round(delayMs))).toEqual([100, 200]);
    expect(policy.retried).toBe(2);
  });

  it("rejects with the last error when all tries have failed", async () => {
    const { clock, service, policy } = scene({ retries: 1 });
    const answer = policy.run(service.work);
    service.at(0).fail(refused());
    await turn();
    clock.advance(100);
    await turn();
    const last = refused();
    service.at(1).fail(last);
    await expect(answer).rejects.toBe(last);
    expect(service.calls).toHaveLength(2);
  });

  it("never repeats what may have been executed, unless it is told that it may", async () => {
    const broken = Object.assign(new Error("reset"), { code: "ECONNRESET" });
    for (const idempotent of [false, true]) {
      const { clock, service, policy } = scene({ idempotent });
      void policy.run(service.work).catch(() => undefined);
      service.at(0).fail(broken);
      await turn();
      clock.advance(1000);
      await turn();
      expect(service.calls).toHaveLength(idempotent ? 2 : 1);
    }
  });

  it.each([
    ["an open circuit", new CircuitOpenError("ratings")],
    ["a spent rate", new RateLimitedError("ratings", 1)],
    ["a bad request", new BadRequestError("no id")],
  ])("takes %s for an answer", async (_, error) => {
    const { service, policy } = scene({ idempotent: true });
    const answer = stateOf(policy.run(service.work));
    service.at(0).fail(error);
    expect(await answer).toBe(error);
  });

  it("asks the predicate alone where there is one, but for bad requests", async () => {
    const { clock, service, policy } = scene({ on: () => true });
    const answer = policy.run(service.work);
    service.at(0).fail(new Error("any"));
    await turn();
    clock.advance(1000);
    await turn();
    service.at(1).fail(new BadRequestError("no id"));
    await expect(answer).rejects.toThrow("no id");
    expect(service.calls).toHaveLength(2);
  });

  it("repeats after results that it is told of, discards them, and returns the last", async () => {
    const discarded: unknown[] = [];
    const { clock, service, policy } = scene({
      retries: 1,
      onResult: (result) => result === "busy" || result === "still busy",
      discard: (result) => discarded.push(result),
    });
    const answer = policy.run(service.work);
    service.at(0).answer("busy");
    await turn();
    clock.advance(1000);
    await turn();
    service.at(1).answer("still busy");
    expect(await answer).toBe("still busy");
    expect(discarded).toEqual(["busy"]);
  });

  it("waits as long as the server asks for and a random time more", async () => {
    const response = new Response("", { status: 503, headers: { "retry-after": "3" } });
    const { clock, events, policy } = scene({ onResult: (result) => result === response });
    void policy.run(() => response);
    await turn();
    expect(events.map(({ delayMs }) => Math.round(delayMs))).toEqual([3100]);
    clock.advance(3000);
    await turn();
    expect(events).toHaveLength(1);
    clock.advance(100);
    await turn();
    expect(events).toHaveLength(2);
  });

  it("does not come back to a server that asks for more than it will wait", async () => {
    const response = new Response("", { status: 429, headers: { "retry-after": "60" } });
    const { events, policy } = scene({ onResult: () => true });
    expect(await policy.run(() => response)).toBe(response);
    expect(events).toEqual([]);
  });

  it("spreads its waits over all that the back-off allows", async () => {
    const delays: number[] = [];
    for (const chance of [0, 0.25, 0.5]) {
      const { service, events, policy } = scene({ chance: () => chance });
      void policy.run(service.work).catch(() => undefined);
      service.at(0).fail(refused());
      await turn();
      delays.push(events[0]?.delayMs ?? -1);
    }
    expect(delays).toEqual([0, 25, 50]);
  });

  it("stops waiting when its caller leaves", async () => {
    const { clock, service, policy } = scene();
    const caller = new AbortController();
    const answer = policy.run(service.work, { signal: caller.signal });
    service.at(0).fail(refused());
    await turn();
    caller.abort("gone");
    await expect(answer).rejects.toBe("gone");
    clock.advance(10_000);
    await turn();
    expect(service.calls).toHaveLength(1);
  });

  it("adds a share of the calls at most when everything fails", async () => {
    const clock = new VirtualClock();
    const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 0 });
    const policy = retry({ clock, budget, retries: 3, backOff: { baseMs: 0 } });
    let tries = 0;
    const down = (): Promise<never> => {
      tries++;
      return Promise.reject(refused());
    };
    for (let i = 0; i < 1000; i++) {
      policy.run(down).catch(() => undefined);
      await turn();
      clock.advance(1);
    }
    for (let i = 0; i < 5; i++) {
      await turn();
      clock.advance(1);
    }
    expect(tries).toBeGreaterThan(1150);
    expect(tries).toBeLessThanOrEqual(1200);
    expect(budget.refused).toBeGreaterThan(0);
  });

  it.each([
    ["never", "refused", 1],
    ["unsent", "refused", 2],
    ["unsent", "broken", 1],
    ["always", "broken", 2],
  ] as const)("heeds a call that may be repeated %s: %s", async (repeatable, how, tries) => {
    const { clock, service, policy } = scene({ retries: 1 });
    policy.run(service.work, { repeatable }).catch(() => undefined);
    service.at(0).fail(how === "refused" ? refused() : new Error("broken"));
    await turn();
    clock.advance(1000);
    await turn();
    expect(service.calls).toHaveLength(tries);
  });

  it("lets no predicate run twice what says that it may not", async () => {
    const { clock, service, policy } = scene({ on: () => true, onResult: () => true });
    const answer = policy.run(service.work, { repeatable: "unsent" });
    service.at(0).answer("not good");
    expect(await answer).toBe("not good");
    policy.run(service.work, { repeatable: "unsent" }).catch(() => undefined);
    service.at(1).fail(new Error("broken"));
    await turn();
    clock.advance(1000);
    await turn();
    expect(service.calls).toHaveLength(2);
  });

  it("refuses less than no retries", () => {
    expect(() => retry({ retries: -1 })).toThrow(RangeError);
  });
});
