import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { turn } from "../../../test/support/scripted-work.ts";
import { VirtualClock } from "../../base/clock.ts";
import { circuitBreaker } from "../circuit-breaker.ts";
import { CollapserError, type CollapserOptions, collapse } from "./collapser.ts";

function scene(options: CollapserOptions<string> = {}) {
  const clock = new VirtualClock();
  const batches: (readonly string[])[] = [];
  const rating = collapse<string, string>(
    async (ids) => {
      batches.push(ids);
      if (ids.includes("all down")) throw new Error("all down");
      if (ids.includes("too few")) return [];
      return ids.map((id) => (id === "down" ? new Error("down") : `${id}: 5`));
    },
    { clock, ...options },
  );
  return { clock, batches, rating };
}

describe("collapse", () => {
  it("makes one call of those that come within the delay of the first", async () => {
    const { clock, batches, rating } = scene();
    const early = [rating("r1"), rating("r2")];
    clock.advance(9);
    early.push(rating("r3"));
    expect(batches).toEqual([]);
    clock.advance(1);
    expect(await Promise.all(early)).toEqual(["r1: 5", "r2: 5", "r3: 5"]);
    const late = rating("r4");
    clock.advance(10);
    await late;
    expect(batches).toEqual([["r1", "r2", "r3"], ["r4"]]);
    expect(rating.counts).toEqual({ batchExecuted: 2, addedToBatch: 4, responseFromCache: 0 });
  });

  it("does not wait with a batch that is full", async () => {
    const { clock, batches, rating } = scene({ maxRequestsInBatch: 2 });
    const answers = ["r1", "r2", "r3"].map((id) => rating(id));
    expect(batches).toEqual([["r1", "r2"]]);
    clock.advance(10);
    await Promise.all(answers);
    expect(batches[1]).toEqual(["r3"]);
  });

  it("guards the batched function, and counts what was collapsed", async () => {
    const clock = new VirtualClock();
    const guarded = circuitBreaker(async (ids: readonly string[]) => ids.map((id) => `${id}!`));
    const rating = collapse(guarded, { clock, breaker: guarded.breaker });
    const answers = ["r1", "r2"].map((id) => rating(id));
    clock.advance(10);
    expect(await Promise.all(answers)).toEqual(["r1!", "r2!"]);
    expect(guarded.breaker.stats.snapshot().counts).toMatchObject({ SUCCESS: 1, COLLAPSED: 2 });
  });

  it("asks once for arguments of one key", async () => {
    const { clock, batches, rating } = scene({ key: (id) => id });
    const answers = ["r1", "r1", "r2"].map((id) => rating(id));
    clock.advance(10);
    expect(await Promise.all(answers)).toEqual(["r1: 5", "r1: 5", "r2: 5"]);
    expect(batches).toEqual([["r1", "r2"]]);
    expect(rating.counts.responseFromCache).toBe(1);
  });

  it("gives each argument its own error, or all the same", async () => {
    const { clock, rating } = scene();
    const some = Promise.allSettled([rating("r1"), rating("down")]);
    clock.advance(10);
    expect(await some).toMatchObject([{ value: "r1: 5" }, { reason: { message: "down" } }]);
    const all = Promise.allSettled([rating("r1"), rating("all down")]);
    clock.advance(10);
    expect(await all).toMatchObject([
      { reason: { message: "all down" } },
      { reason: { message: "all down" } },
    ]);
  });

  it("rejects where there are not as many answers as arguments", async () => {
    const { clock, rating } = scene();
    const answer = rating("too few");
    clock.advance(10);
    const error = await answer.catch((reason) => reason);
    expect(error).toBeInstanceOf(CollapserError);
    expect(error.message).toBe("0 answers to 1 arguments");
  });

  it("does not ask for those who have left, nor at all where nobody is left", async () => {
    const { clock, batches, rating } = scene({ key: (id) => id });
    const caller = new AbortController();
    const left = [rating("r1", caller.signal), rating("r2", caller.signal)];
    const stays = rating("r1");
    caller.abort("gone");
    for (const one of left) await expect(one).rejects.toBe("gone");
    await expect(rating("r3", caller.signal)).rejects.toBe("gone");
    clock.advance(10);
    expect(await stays).toBe("r1: 5");
    expect(batches).toEqual([["r1"]]);
    const other = new AbortController();
    const alone = rating("r4", other.signal);
    other.abort("gone too");
    await expect(alone).rejects.toBe("gone too");
    clock.advance(10);
    await turn();
    expect(batches).toHaveLength(1);
  });

  it("leaves nothing behind at a signal that lives longer", async () => {
    const caller = new AbortController();
    const { clock, rating } = scene();
    const answer = rating("r1", caller.signal);
    clock.advance(10);
    await answer;
    await turn();
    expect(getEventListeners(caller.signal, "abort")).toEqual([]);
  });

  it("keeps requests apart where it is told to", async () => {
    const context = new AsyncLocalStorage<object>();
    const { clock, batches, rating } = scene({ context });
    const answers = [{}, {}].flatMap((store) =>
      context.run(store, () => [rating("r1"), rating("r2")]),
    );
    clock.advance(10);
    await Promise.all(answers);
    expect(batches).toEqual([
      ["r1", "r2"],
      ["r1", "r2"],
    ]);
  });
});
