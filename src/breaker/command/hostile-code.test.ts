/** What a guarded function, its fallback and those who listen may do at the wrong moment. */
import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { type CircuitBreakerOptions, circuitBreaker } from "../circuit-breaker.ts";
import { EVENT_TYPES, type EventType, isTerminal } from "../stats/event-type.ts";
import type { Command } from "./command.ts";
import { currentCall } from "./guard.ts";

type Asked = (question: string) => unknown;

function terminals({ counts }: Command): Partial<Record<EventType, number>> {
  const happened = EVENT_TYPES.filter((type) => isTerminal(type) && counts.count(type) > 0);
  return Object.fromEntries(happened.map((type) => [type, counts.count(type)]));
}

function guarded(fn: Asked, options: CircuitBreakerOptions<Asked> = {}) {
  const clock = new VirtualClock();
  const ask = circuitBreaker(fn, { name: "ask", clock, ...options });
  return { ask, clock, breaker: ask.breaker };
}

async function ending(promise: Promise<unknown>): Promise<unknown> {
  return await promise.catch((error) => error);
}

function throws(message: string): () => never {
  return () => {
    throw new Error(message);
  };
}

function withThen(then: PropertyDescriptor): object {
  // biome-ignore lint/suspicious/noThenProperty: what some libraries answer with
  return Object.defineProperty({}, "then", then);
}

describe("a classifier that throws", () => {
  const broken = throws("classifier");

  it.each([
    ["classifyResult", () => "well", { classifyResult: broken }],
    ["classifyResult, later", async () => "well", { classifyResult: broken }],
    ["classifyError", throws("down"), { classifyError: broken }],
    ["isBadRequest", async () => throws("down")(), { isBadRequest: broken }],
  ])("fails the call, which ends: %s", async (_, fn, options) => {
    const { ask, breaker } = guarded(fn, options);
    expect(await ending(ask("a"))).toMatchObject({ message: "classifier" });
    expect(terminals(breaker)).toEqual({ FALLBACK_MISSING: 1 });
    expect([breaker.running, breaker.circuit.errors(0)]).toEqual([0, 1]);
  });
});

describe("a search for the caller's signal", () => {
  it("rejects where it throws, and makes no call", async () => {
    const { ask, breaker } = guarded(() => "well", { signalOf: throws("no options") });
    expect(await ending(ask("a"))).toMatchObject({ message: "no options" });
    expect(terminals(breaker)).toEqual({});
  });
});

describe("a thenable of somebody's own", () => {
  const twice = (resolve: (value: string) => void): void => {
    resolve("once");
    resolve("twice");
  };

  it("answers once, as work and as fallback", async () => {
    const thenable = withThen({ value: twice });
    const work = guarded(() => thenable);
    const substitute = guarded(throws("down"), { fallback: () => thenable });
    expect([await work.ask("a"), await substitute.ask("a")]).toEqual(["once", "once"]);
    expect([work.breaker.running, substitute.breaker.stats.fallingBack]).toEqual([0, 0]);
  });

  it.each([
    ["has a then that throws", withThen({ value: throws("then") })],
    ["throws when it is looked at", withThen({ get: throws("then") })],
  ])("fails the call where it %s", async (_, thenable) => {
    const work = guarded(() => thenable);
    const substitute = guarded(throws("down"), { fallback: () => thenable });
    expect(await ending(work.ask("a"))).toMatchObject({ message: "then" });
    expect(await ending(substitute.ask("a"))).toMatchObject({ reason: "fallback_failed" });
    expect([work.breaker.running, substitute.breaker.stats.fallingBack]).toEqual([0, 0]);
  });
});

describe("a caller that gives up at the wrong moment", () => {
  it.each(["SUCCESS", "FAILURE", "TIMEOUT", "FALLBACK_MISSING", "EXCEPTION_THROWN"] as const)(
    "is one terminal event, also when it hears of %s",
    async (heard) => {
      const clock = new VirtualClock();
      const never = new Promise(() => undefined);
      const fn = (how: string) => (how === "TIMEOUT" ? never : throws("down")());
      const { ask, breaker } = guarded(heard === "SUCCESS" ? async () => "well" : fn, { clock });
      const caller = new AbortController();
      breaker.on("execution", ({ type }) => {
        if (type === heard) caller.abort(new Error("left"));
      });
      const answer = ending(ask.within(caller.signal)(heard));
      clock.advance(1000);
      await answer;
      expect(Object.values(terminals(breaker))).toEqual([1]);
    },
  );

  it("is one terminal event, also out of the call's own signal", async () => {
    const clock = new VirtualClock();
    const caller = new AbortController();
    const { ask, breaker } = guarded(
      () => {
        currentCall().signal.addEventListener("abort", () => caller.abort(new Error("left")));
        return new Promise(() => undefined);
      },
      { clock, fallback: () => "instead" },
    );
    const other = ending(ask("b"));
    const answer = ending(ask.within(caller.signal)("a"));
    clock.advance(1000);
    expect([await answer, await other]).toEqual([new Error("left"), "instead"]);
    expect(terminals(breaker)).toEqual({ CANCELLED: 1, FALLBACK_SUCCESS: 1 });
  });

  it("takes the call's signal from any realm", async () => {
    const { ask } = guarded(() => new Promise(() => undefined));
    const { signal, abort } = foreignSignal();
    const answer = ending(ask.within(signal)("a"));
    abort();
    expect(await answer).toBe("left");
  });
});

/** Of another realm, or of a library from before there was one. */
function foreignSignal() {
  const target = new EventTarget();
  const signal = Object.assign(target, { aborted: false, reason: "left" });
  const abort = (): void => {
    signal.aborted = true;
    target.dispatchEvent(new Event("abort"));
  };
  return { signal: signal as unknown as AbortSignal, abort };
}

describe("a fallback", () => {
  it("that asks for the current call when the work has thrown disturbs no other", async () => {
    const { ask } = guarded(
      (question) => (question === "a" ? throws("down")() : Promise.resolve(question)),
      {
        fallback: () => {
          expect(() => currentCall()).toThrow("no guarded function");
          return "instead";
        },
      },
    );
    expect([await ask("a"), await ask("b")]).toEqual(["instead", "b"]);
  });

  it("runs in its own caller's context after a timeout, and so do listeners", async () => {
    const clock = new VirtualClock();
    const context = new AsyncLocalStorage<string>();
    const heard: string[] = [];
    const { ask, breaker } = guarded(
      (question) => {
        currentCall().signal.addEventListener("abort", () => {
          heard.push(`aborted ${question} in ${context.getStore()}`);
        });
        return new Promise(() => undefined);
      },
      { clock, fallback: (_, question) => `${question} in ${context.getStore()}` },
    );
    const asked = ["a", "b"].map((each) => context.run(each, () => ask(each)));
    clock.advance(1000);
    expect(await Promise.all(asked)).toEqual(["a in a", "b in b"]);
    expect(heard.sort()).toEqual(["aborted a in a", "aborted b in b"]);
    breaker.on("execution", ({ type }) => heard.push(`${type} in ${context.getStore()}`));
    const plain = circuitBreaker(() => new Promise(() => undefined), { clock });
    plain.breaker.on("execution", ({ type }) => heard.push(`${type} in ${context.getStore()}`));
    const late = ending(context.run("c", () => plain()));
    clock.advance(1000);
    await late;
    expect(heard).toContain("TIMEOUT in c");
  });
});

describe("errors of a class", () => {
  it("that nobody can tell fail all the same, and hold up no other call's timeout", async () => {
    const clock = new VirtualClock();
    const strategy = { kind: "consecutive", failures: 3 } as const;
    const { ask, breaker } = guarded(() => new Promise(() => undefined), {
      clock,
      errorClasses: [{ name: "odd", matches: throws("matches"), strategy }],
    });
    const asked = ["a", "b"].map((each) => ending(ask(each)));
    clock.advance(1000);
    expect(await Promise.all(asked)).toMatchObject([{ reason: "timeout" }, { reason: "timeout" }]);
    expect(breaker.circuit.errors(clock.now())).toBe(2);
  });
});
