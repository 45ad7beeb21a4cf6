import { describe, expect, it } from "vitest";
import { VirtualClock } from "../base/clock.ts";
import { circuitBreaker } from "./circuit-breaker.ts";

describe("events", () => {
  it("tell each thing that happens, in order, until they are left", async () => {
    const clock = new VirtualClock();
    const calls: PromiseWithResolvers<string>[] = [];
    const work = (_question: string): Promise<string> => {
      calls.push(Promise.withResolvers<string>());
      return (calls.at(-1) as PromiseWithResolvers<string>).promise;
    };
    const ask = circuitBreaker(work, { clock, fallback: () => "cached" });
    const { breaker } = ask;
    const heard: string[] = [];
    const leave = breaker.on("execution", ({ type, isTerminal: ends, durationMs }) =>
      heard.push(`${type} ${ends} ${durationMs}`),
    );
    const good = ask("a");
    clock.advance(5);
    calls[0]?.resolve("ok");
    await good;
    const bad = ask("b");
    calls[1]?.reject(new Error("down"));
    expect(await bad).toBe("cached");
    expect(heard).toEqual(["SUCCESS true 5", "FAILURE false 0", "FALLBACK_SUCCESS true 0"]);
    leave();
    const unheard = ask("c");
    calls[2]?.resolve("ok");
    await unheard;
    expect(heard).toHaveLength(3);
    expect(breaker.counts.count("SUCCESS")).toBe(2);
  });

  it("know nothing of answers that come twice", async () => {
    const twice = {
      // biome-ignore lint/suspicious/noThenProperty: what a careless library hands out
      then(resolve: (value: string) => void): void {
        resolve("once");
        resolve("twice");
      },
    };
    const guarded = circuitBreaker(() => twice as PromiseLike<string>);
    expect(await Promise.all([guarded(), guarded(), guarded()])).toEqual(["once", "once", "once"]);
    expect([guarded.breaker.running, guarded.breaker.counts.count("SUCCESS")]).toEqual([0, 3]);
  });
});
