import { describe, expect, expectTypeOf, it } from "vitest";
import { ScriptedWork, turn } from "../../../test/support/scripted-work.ts";
import { VirtualClock } from "../../base/clock.ts";
import { CallTimeoutError } from "../errors.ts";
import { bulkhead } from "./bulkhead.ts";
import { compose } from "./compose.ts";
import { fallback } from "./fallback.ts";
import { retry } from "./retry/retry.ts";
import { timeout } from "./timeout.ts";

describe("compose", () => {
  it("reads from the outside in: tries have timeouts, the fallback comes last", async () => {
    const clock = new VirtualClock();
    const service = new ScriptedWork();
    const failures: unknown[] = [];
    const policy = compose(
      fallback((error) => {
        failures.push(error);
        return [0];
      }),
      retry({ retries: 1, idempotent: true, clock, chance: () => 0 }),
      timeout({ timeoutMs: 100, clock }),
    );
    const answer = policy.run(service.work);
    expectTypeOf(answer).toEqualTypeOf<Promise<string | number[]>>();
    for (let tries = 0; tries < 2; tries++) {
      const { signal } = service.at(tries).call;
      clock.advance(100);
      await turn();
      expect(signal.reason).toBeInstanceOf(CallTimeoutError);
      clock.advance(0);
      await turn();
    }
    expect(await answer).toEqual([0]);
    expect(service.calls).toHaveLength(2);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBeInstanceOf(CallTimeoutError);
  });

  it("ends all tries at a timeout outside the retry", async () => {
    const clock = new VirtualClock();
    const service = new ScriptedWork();
    const policy = compose(timeout({ timeoutMs: 100, clock }), retry({ idempotent: true, clock }));
    const answer = policy.run(service.work).catch((error) => error);
    const { signal } = service.at(0).call;
    clock.advance(100);
    expect(await answer).toBeInstanceOf(CallTimeoutError);
    expect(signal.aborted).toBe(true);
    service.at(0).fail(signal.reason);
    clock.advance(10_000);
    await turn();
    expect(service.calls).toHaveLength(1);
  });

  it("composes what is composed", async () => {
    const inner = compose(
      bulkhead(1),
      fallback(() => null),
    );
    const policy = compose(
      fallback(() => 7),
      inner,
    );
    const answer = await policy.run<string>(() => Promise.reject(new Error("down")));
    expectTypeOf(answer).toEqualTypeOf<string | number | null>();
    expect(answer).toBe(null);
  });

  it("calls as it is where nothing is composed", async () => {
    expect(await compose().run(({ attempt }) => attempt)).toBe(0);
    await expect(
      compose().run(() => {
        throw new Error("at once");
      }),
    ).rejects.toThrow("at once");
  });

  it("keeps the types of functions that it wraps, and their this", async () => {
    class Ratings {
      readonly stars = 5;
      of = compose(
        fallback(() => undefined),
        bulkhead(),
      ).wrap(function (this: Ratings, id: string, factor?: number) {
        return Promise.resolve(`${id}: ${this.stars * (factor ?? 1)}`);
      });
    }
    const ratings = new Ratings();
    expectTypeOf(ratings.of).parameters.toEqualTypeOf<[id: string, factor?: number | undefined]>();
    expectTypeOf(ratings.of).returns.toEqualTypeOf<Promise<string | undefined>>();
    expect(await ratings.of("r1", 2)).toBe("r1: 10");
  });
});
