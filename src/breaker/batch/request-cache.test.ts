import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, expectTypeOf, it } from "vitest";
import { circuitBreaker } from "../circuit-breaker.ts";
import { requestCache } from "./request-cache.ts";

function scene(maxEntries?: number) {
  const context = new AsyncLocalStorage<object>();
  const asked: string[] = [];
  const { breaker } = circuitBreaker(() => undefined);
  const rating = requestCache(
    async (id: string) => {
      asked.push(id);
      await Promise.resolve();
      if (id === "down") throw new Error("down");
      return `${id}: 5`;
    },
    {
      key: (id) => (id === "" ? undefined : id),
      context,
      breaker,
      ...(maxEntries === undefined ? {} : { maxEntries }),
    },
  );
  return {
    context,
    asked,
    rating,
    breaker,
    hits: () => breaker.stats.events.count("RESPONSE_FROM_CACHE"),
  };
}

describe("requestCache", () => {
  it("asks once in a request, also while the answer is under way", async () => {
    const { context, asked, rating, hits } = scene();
    expectTypeOf(rating("r1")).toEqualTypeOf<Promise<string>>();
    asked.length = 0;
    await context.run({}, async () => {
      const [first, second] = await Promise.all([rating("r1"), rating("r1")]);
      expect([first, second, await rating("r1")]).toEqual(["r1: 5", "r1: 5", "r1: 5"]);
      expect(await rating("r2")).toBe("r2: 5");
    });
    expect(asked).toEqual(["r1", "r2"]);
    expect(hits()).toBe(2);
  });

  it("tells listeners of the command of an answer from the cache", async () => {
    const { context, rating, breaker } = scene();
    const heard: unknown[] = [];
    breaker.on("execution", ({ type, isTerminal }) => heard.push([type, isTerminal]));
    await context.run({}, () => Promise.all([rating("r1"), rating("r1")]));
    expect(heard).toEqual([["RESPONSE_FROM_CACHE", true]]);
  });

  it("keeps nothing from one request to the next", async () => {
    const { context, asked, rating } = scene();
    await context.run({}, () => rating("r1"));
    await context.run({}, () => rating("r1"));
    expect(asked).toEqual(["r1", "r1"]);
  });

  it("makes calls outside of every request, and those without a key", async () => {
    const { context, asked, rating } = scene();
    await Promise.all([rating("r1"), rating("r1")]);
    await context.run({}, () => Promise.all([rating(""), rating("")]));
    expect(asked).toEqual(["r1", "r1", "", ""]);
  });

  it("tells everybody in a request of the same failure", async () => {
    const { context, asked, rating } = scene();
    await context.run({}, async () => {
      await expect(rating("down")).rejects.toThrow("down");
      await expect(rating("down")).rejects.toThrow("down");
    });
    expect(asked).toEqual(["down"]);
  });

  it("forgets in the current request what it is told to", async () => {
    const { context, asked, rating } = scene();
    await context.run({}, async () => {
      await rating("r1");
      rating.forget("r1");
      await rating("r1");
    });
    expect(asked).toEqual(["r1", "r1"]);
  });

  it("keeps no more answers than it may", async () => {
    const { context, asked, rating } = scene(1);
    await context.run({}, async () => {
      for (const id of ["r1", "r2", "r1", "r2"]) await rating(id);
    });
    expect(asked).toEqual(["r1", "r2", "r2"]);
  });
});
