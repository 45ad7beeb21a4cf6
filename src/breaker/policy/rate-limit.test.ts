import { describe, expect, it } from "vitest";
import { ScriptedWork, stateOf, turn } from "../../../test/support/scripted-work.ts";
import { VirtualClock } from "../../base/clock.ts";
import { RateLimitedError } from "../errors.ts";
import { type RateLimit, rateLimit } from "./rate-limit.ts";

async function admitted(policy: RateLimit, calls: number): Promise<number> {
  const before = policy.rejected;
  const answers = Array.from({ length: calls }, () => policy.run(() => "answer"));
  await Promise.allSettled(answers);
  return calls - (policy.rejected - before);
}

describe("rateLimit", () => {
  it("lets a burst through and then one each interval's share", async () => {
    const clock = new VirtualClock();
    const policy = rateLimit({ limit: 10, burst: 3, clock });
    expect(await admitted(policy, 5)).toBe(3);
    clock.advance(100);
    expect(await admitted(policy, 5)).toBe(1);
    clock.advance(250);
    expect(await admitted(policy, 5)).toBe(2);
    clock.advance(60_000);
    expect(await admitted(policy, 5)).toBe(3);
  });

  it("lets no more through than its rate over a long time", async () => {
    const clock = new VirtualClock();
    const policy = rateLimit({ limit: 7, intervalMs: 1000, burst: 1, clock });
    let through = 0;
    for (let ms = 0; ms < 10_000; ms += 10) {
      through += await admitted(policy, 2);
      clock.advance(10);
    }
    expect(through).toBeGreaterThanOrEqual(66);
    expect(through).toBeLessThanOrEqual(70);
  });

  it("says when to come again", async () => {
    const clock = new VirtualClock();
    const policy = rateLimit({ limit: 1, intervalMs: 500, name: "ratings", clock });
    await policy.run(() => "answer");
    clock.advance(100);
    const error = await policy.run(() => "answer").catch((reason) => reason);
    expect(error).toBeInstanceOf(RateLimitedError);
    expect(error).toMatchObject({ reason: "rate_limited", policy: "ratings", retryAfterMs: 400 });
  });

  it("lets calls wait for their turn where it is told to", async () => {
    const clock = new VirtualClock();
    const service = new ScriptedWork();
    const policy = rateLimit({ limit: 10, burst: 1, maxWaitMs: 200, clock });
    const states = [0, 1, 2, 3].map(() => stateOf(policy.run(service.work)));
    await turn();
    expect(service.calls).toHaveLength(1);
    clock.advance(100);
    await turn();
    expect(service.calls).toHaveLength(2);
    clock.advance(100);
    await turn();
    expect(service.calls).toHaveLength(3);
    expect(await states[3]).toBeInstanceOf(RateLimitedError);
  });

  it("never makes a call that gave up while it waited", async () => {
    const clock = new VirtualClock();
    const service = new ScriptedWork();
    const policy = rateLimit({ limit: 1, maxWaitMs: 1000, clock });
    void policy.run(service.work);
    const caller = new AbortController();
    const answer = stateOf(policy.run(service.work, { signal: caller.signal }));
    caller.abort("gone");
    expect(await answer).toBe("gone");
    clock.advance(10_000);
    await turn();
    expect(service.calls).toHaveLength(1);
  });

  it.each([{ limit: 0 }, { limit: 1, intervalMs: 0 }, { limit: 1, burst: 0 }])(
    "refuses %o",
    (options) => {
      expect(() => rateLimit(options)).toThrow(RangeError);
    },
  );
});
