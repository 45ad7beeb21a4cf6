import { describe, expect, it } from "vitest";
import { ScriptedWork, stateOf, turn } from "../../../test/support/scripted-work.ts";
import { VirtualClock } from "../../base/clock.ts";
import { HedgeLostError } from "../errors.ts";
import { type HedgeOptions, hedge } from "./hedge.ts";
import { RetryBudget } from "./retry/retry-budget.ts";

function scene(options: Partial<HedgeOptions> = {}) {
  const clock = new VirtualClock();
  const service = new ScriptedWork();
  return { clock, service, policy: hedge({ delayMs: 50, name: "ratings", clock, ...options }) };
}

describe("hedge", () => {
  it("asks once where the answer comes in time", async () => {
    const { clock, service, policy } = scene();
    const answer = policy.run(service.work);
    clock.advance(49);
    service.at(0).answer("first");
    expect(await answer).toBe("first");
    clock.advance(1000);
    expect(service.calls).toHaveLength(1);
    expect(policy).toMatchObject({ hedged: 0, won: 0 });
  });

  it("rejects where nobody can say how late it is, at first or later", async () => {
    const broken = (): never => {
      throw new Error("no percentile");
    };
    const at = scene({ delayMs: broken });
    await expect(at.policy.run(at.service.work)).rejects.toThrow("no percentile");
    let asked = 0;
    const delayMs = (): number => (asked++ === 0 ? 50 : broken());
    const later = scene({ delayMs, maxHedges: 2 });
    const answer = later.policy.run(later.service.work);
    later.clock.advance(50);
    await expect(answer).rejects.toThrow("no percentile");
  });

  it("asks again where it is late, takes what comes first and gives up the other", async () => {
    const discarded: unknown[] = [];
    const { clock, service, policy } = scene({ discard: (late) => discarded.push(late) });
    const answer = policy.run(service.work);
    const slow = service.at(0).call.signal;
    clock.advance(50);
    service.at(1).answer("second");
    expect(await answer).toBe("second");
    expect(slow.reason).toBeInstanceOf(HedgeLostError);
    expect(service.at(1).call.signal.aborted).toBe(false);
    service.at(0).answer("too late");
    await turn();
    expect(discarded).toEqual(["too late"]);
    expect(service.calls.map(({ call }) => call.attempt)).toEqual([0, 1]);
    expect(policy).toMatchObject({ hedged: 1, won: 1 });
  });

  it("takes the first answer, though the hedge is under way", async () => {
    const { clock, service, policy } = scene();
    const answer = policy.run(service.work);
    clock.advance(50);
    const late = service.at(1).call.signal;
    service.at(0).answer("first");
    expect(await answer).toBe("first");
    expect(late.aborted).toBe(true);
    expect(policy).toMatchObject({ hedged: 1, won: 0 });
  });

  it("waits for the other try when one fails, and fails as the last that failed", async () => {
    const { clock, service, policy } = scene();
    const answer = policy.run(service.work);
    clock.advance(50);
    service.at(1).fail("of the second");
    expect(await stateOf(answer)).toBe("pending");
    service.at(0).fail("of the first");
    await expect(answer).rejects.toBe("of the first");
    const other = policy.run(service.work);
    clock.advance(50);
    service.at(2).fail("third");
    service.at(3).answer("fourth");
    expect(await other).toBe("fourth");
  });

  it("does not repeat what failed before the delay was over", async () => {
    const { clock, service, policy } = scene();
    const answer = policy.run(service.work);
    service.at(0).fail(new Error("at once"));
    await expect(answer).rejects.toThrow("at once");
    clock.advance(1000);
    expect(service.calls).toHaveLength(1);
  });

  it("asks as often as it may, each after the delay", async () => {
    const { clock, service, policy } = scene({ maxHedges: 2 });
    const answer = policy.run(service.work);
    clock.advance(500);
    expect(service.calls).toHaveLength(3);
    service.at(2).answer("third");
    expect(await answer).toBe("third");
  });

  it("asks no more than the budget has", async () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0 });
    const { clock, service, policy } = scene({ budget });
    void policy.run(service.work);
    clock.advance(1000);
    expect(service.calls).toHaveLength(1);
    expect(budget.refused).toBe(1);
  });

  it("makes calls once that say that they may not run twice", () => {
    for (const repeatable of ["unsent", "never"] as const) {
      const { clock, service, policy } = scene();
      void policy.run(service.work, { repeatable });
      clock.advance(1000);
      expect(service.calls).toHaveLength(1);
    }
  });

  it("gives up all tries when its caller leaves", async () => {
    const { clock, service, policy } = scene();
    const caller = new AbortController();
    const answer = policy.run(service.work, { signal: caller.signal });
    clock.advance(50);
    const signals = service.calls.map(({ call }) => call.signal);
    caller.abort("gone");
    await expect(answer).rejects.toBe("gone");
    expect(signals.map(({ reason }) => reason)).toEqual(["gone", "gone"]);
  });
});
