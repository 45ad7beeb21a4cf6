import { describe, expect, it } from "vitest";
import { VirtualClock } from "../base/clock.ts";
import { circuitBreaker } from "./circuit-breaker.ts";
import { currentCall } from "./command/guard.ts";
import type { CommandOptions } from "./command/options.ts";
import { BadRequestError } from "./errors.ts";
import { EVENT_TYPES, type EventType, isTerminal } from "./stats/event-type.ts";

/** A function whose calls end when the test says so. */
class Origin {
  readonly calls: PromiseWithResolvers<string>[] = [];
  readonly signals: AbortSignal[] = [];
  readonly ask = (question: string): Promise<string> => {
    this.signals.push(currentCall().signal);
    const call = Promise.withResolvers<string>();
    this.calls.push(call);
    return call.promise.then((answer) => `${question}: ${answer}`);
  };
}

function scene(options: CommandOptions & { fallback?: () => string | Promise<string> } = {}) {
  const clock = new VirtualClock();
  const origin = new Origin();
  const ask = circuitBreaker(origin.ask, { name: "ratings", clock, ...options });
  const { breaker } = ask;
  /** Each event that has happened, and how often. */
  const happened = (): Partial<Record<EventType, number>> => {
    const counts = EVENT_TYPES.map((type) => [type, breaker.counts.count(type)] as const);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  };
  return { clock, origin, ask, breaker, happened };
}

/** How a promise ended: its value, or the name of its error. */
function ending(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: Error) => `${error.name}: ${error.message}`);
}

async function failTimes(count: number, { ask, origin }: ReturnType<typeof scene>): Promise<void> {
  for (let index = 0; index < count; index++) {
    const asked = ending(ask("how"));
    origin.calls.at(-1)?.reject(new Error("down"));
    await asked;
  }
}

describe("a guarded function", () => {
  it("answers as the function does, with the same this, name and length", async () => {
    class Shelf {
      readonly books = 7;
      count = circuitBreaker(async function count(this: Shelf, extra: number) {
        return this.books + extra;
      });
    }
    const shelf = new Shelf();
    expect(await shelf.count(2)).toBe(9);
    expect([shelf.count.name, shelf.count.length]).toEqual(["count", 1]);
    expect(shelf.count.breaker.name).toBe("count");
  });

  it("answers with a promise where the function does not, and rejects what it throws", async () => {
    const half = circuitBreaker((value: number) => {
      if (value % 2 === 1) throw new Error("odd");
      return value / 2;
    });
    expect(await half(8)).toBe(4);
    expect(await ending(half(3))).toBe("Error: odd");
  });

  it("passes errors on as they are", async () => {
    const error = new Error("down");
    const fails = circuitBreaker(() => Promise.reject(error));
    await expect(fails()).rejects.toBe(error);
  });

  it("opens, refuses without calling, and closes after a good probe", async () => {
    const the = scene();
    await failTimes(20, the);
    expect(the.breaker.state).toBe("open");
    expect(await ending(the.ask("a"))).toBe("CircuitOpenError: circuit ratings is open");
    expect(the.origin.calls).toHaveLength(20);
    the.clock.advance(5000);
    const probe = the.ask("b");
    expect(await ending(the.ask("c"))).toBe("CircuitOpenError: circuit ratings is open");
    the.origin.calls.at(-1)?.resolve("five");
    expect(await probe).toBe("b: five");
    expect(the.breaker.state).toBe("closed");
    expect(the.happened()).toEqual({
      SUCCESS: 1,
      FAILURE: 20,
      SHORT_CIRCUITED: 2,
      FALLBACK_MISSING: 22,
      EXCEPTION_THROWN: 22,
    });
  });
});

describe("the timeout", () => {
  it("rejects, aborts this call alone, and holds the place until the work has ended", async () => {
    const { ask, clock, origin, breaker, happened } = scene();
    const first = ending(ask("a"));
    clock.advance(500);
    const second = ending(ask("b"));
    clock.advance(500);
    expect(await first).toBe("CallTimeoutError: ratings: no answer within 1000 ms");
    expect(origin.signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(origin.signals[0]?.reason).toMatchObject({ reason: "timeout" });
    expect(breaker.running).toBe(2);
    for (const call of origin.calls) call.resolve("late");
    expect(await second).toBe("b: late");
    expect(breaker.running).toBe(0);
    expect(happened()).toMatchObject({ TIMEOUT: 1, SUCCESS: 1 });
  });

  it("comes to each call at its own time, to the millisecond", async () => {
    const { ask, clock } = scene({ timeoutInMilliseconds: 300, maxConcurrentRequests: 99 });
    const startsAt = [0, 7, 8, 258, 261, 661];
    const ended: number[] = [];
    for (let now = 0; now < 1000; now++) {
      if (startsAt.includes(now)) void ask("x").catch(() => ended.push(clock.now() - now));
      clock.advance(1);
      for (let turn = 0; turn < 3; turn++) await Promise.resolve();
    }
    expect(ended).toEqual(startsAt.map(() => 300));
  });

  it("can be switched off", async () => {
    const { ask, clock, origin } = scene({ timeoutEnabled: false });
    const asked = ask("a");
    clock.advance(1_000_000);
    origin.calls[0]?.resolve("at last");
    expect(await asked).toBe("a: at last");
  });
});

describe("the semaphore", () => {
  it("refuses the eleventh call, which counts as an error", async () => {
    const { ask, origin, breaker, happened } = scene();
    const asked = Array.from({ length: 10 }, () => ask("a"));
    expect(await ending(ask("b"))).toBe("BulkheadFullError: bulkhead ratings is full");
    expect(breaker.stats.snapshot().health).toMatchObject({ requests: 1, errors: 1 });
    for (const call of origin.calls) call.resolve("ok");
    await Promise.all(asked);
    expect(happened()).toMatchObject({ SEMAPHORE_REJECTED: 1, SUCCESS: 10 });
    expect(breaker.stats.snapshot()).toMatchObject({ executing: 0, rollingMaxExecuting: 10 });
  });
});

describe("the fallback", () => {
  it("answers for failures, timeouts and refusals, and hears why", async () => {
    const clock = new VirtualClock();
    const heard: string[] = [];
    const ask = circuitBreaker(
      async (id: number) => {
        if (id > 0) throw new Error(`no ${id}`);
        return await new Promise<string>(() => {});
      },
      {
        name: "ratings",
        clock,
        fallback: (error, id) => {
          heard.push(`${id} ${(error as Error).name}`);
          return "none";
        },
      },
    );
    expect(await ask(1)).toBe("none");
    const hangs = ask(0);
    clock.advance(1000);
    expect(await hangs).toBe("none");
    ask.breaker.forceOpen();
    expect(await ask(2)).toBe("none");
    expect(heard).toEqual(["1 Error", "0 CallTimeoutError", "2 CircuitOpenError"]);
    expect(ask.breaker.counts.count("FALLBACK_SUCCESS")).toBe(3);
    expect(ask.breaker.counts.count("EXCEPTION_THROWN")).toBe(0);
  });

  it("has a limit of its own", async () => {
    const gate = Promise.withResolvers<string>();
    const options = { forceOpen: true, fallback: () => gate.promise };
    const { ask, breaker, happened } = scene({ ...options, fallbackMaxConcurrentRequests: 2 });
    const asked = [ask("a"), ask("b")];
    expect(breaker.stats.snapshot().fallingBack).toBe(2);
    const refused = await ask("c").catch((error: Error) => error);
    expect(refused).toMatchObject({ name: "FallbackFullError", cause: { reason: "circuit_open" } });
    gate.resolve("cached");
    expect(await Promise.all(asked)).toEqual(["cached", "cached"]);
    expect(happened()).toMatchObject({ FALLBACK_REJECTION: 1, FALLBACK_SUCCESS: 2 });
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("no cache");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no cache"))],
  ])("%s: a typed error with both reasons", async (_name, fallback: () => Promise<string>) => {
    const { ask, happened } = scene({ forceOpen: true, fallback });
    const error = await ask("a").catch((reason: Error) => reason);
    expect(error).toMatchObject({
      name: "FallbackFailedError",
      cause: { reason: "circuit_open" },
      fallbackError: { message: "no cache" },
    });
    expect(happened()).toEqual({ SHORT_CIRCUITED: 1, FALLBACK_FAILURE: 1, EXCEPTION_THROWN: 1 });
  });

  it("can be switched off", async () => {
    const { ask, happened } = scene({
      forceOpen: true,
      fallback: () => "cached",
      fallbackEnabled: false,
    });
    expect(await ending(ask("a"))).toBe("CircuitOpenError: circuit ratings is open");
    expect(happened()).toMatchObject({ FALLBACK_DISABLED: 1 });
  });
});

describe("bad requests", () => {
  it("are the caller's: not counted, no fallback", async () => {
    const bad = circuitBreaker(
      async (error: Error) => {
        throw error;
      },
      { isBadRequest: (error) => error instanceof RangeError, fallback: () => undefined as never },
    );
    for (let index = 0; index < 50; index++) {
      await expect(bad(new BadRequestError("no id"))).rejects.toThrow("no id");
      await expect(bad(new RangeError("page 0"))).rejects.toThrow("page 0");
    }
    expect(bad.breaker.state).toBe("closed");
    expect(bad.breaker.stats.snapshot().health.requests).toBe(0);
    expect(bad.breaker.counts.count("BAD_REQUEST")).toBe(100);
  });

  it.each([
    ["open", "open"],
    ["another", "halfOpen"],
  ] as const)("of a probe: %s", async (ignoredProbe, state) => {
    const the = scene({ ignoredProbe });
    await failTimes(20, the);
    the.clock.advance(5000);
    const probe = ending(the.ask("a"));
    the.origin.calls.at(-1)?.reject(new BadRequestError("no id"));
    await probe;
    expect(the.breaker.state).toBe(state);
  });
});

describe("a caller that gives up", () => {
  it("hears its own reason at once, and its call is cancelled, not failed", async () => {
    const { ask, origin, breaker, happened } = scene();
    const caller = new AbortController();
    const asked = ask.within(caller.signal)("a");
    caller.abort(new Error("the user left"));
    expect(await ending(asked)).toBe("Error: the user left");
    expect(origin.signals[0]?.reason).toBe(caller.signal.reason);
    expect([breaker.running, breaker.stats.snapshot().health.requests]).toEqual([1, 0]);
    origin.calls[0]?.reject(new Error("aborted"));
    await Promise.resolve().then(() => {});
    await Promise.resolve();
    expect(breaker.running).toBe(0);
    expect(happened()).toEqual({ CANCELLED: 1 });
  });

  it("makes no call where it has given up before", async () => {
    const { ask, origin, happened } = scene();
    expect(await ending(ask.within(AbortSignal.abort(new Error("gone")))("a"))).toBe("Error: gone");
    expect(origin.calls).toHaveLength(0);
    expect(happened()).toEqual({ CANCELLED: 1 });
  });

  it("is found among the arguments where the options say so", async () => {
    const load = circuitBreaker(
      (_url: string, _init?: { signal?: AbortSignal }) => new Promise<string>(() => {}),
      { signalOf: (_url, init) => init?.signal },
    );
    const caller = new AbortController();
    const loading = load("/", { signal: caller.signal });
    caller.abort(new Error("gone"));
    expect(await ending(loading)).toBe("Error: gone");
  });

  it("does not wait for a fallback either", async () => {
    const { ask, happened } = scene({ forceOpen: true, fallback: () => new Promise(() => {}) });
    const caller = new AbortController();
    const asked = ask.within({ signal: caller.signal })("a");
    caller.abort(new Error("gone"));
    expect(await ending(asked)).toBe("Error: gone");
    expect(happened()).toEqual({ SHORT_CIRCUITED: 1, CANCELLED: 1 });
  });
});

describe("the call", () => {
  it("is the first argument where it is asked for", async () => {
    const clock = new VirtualClock();
    const wait = circuitBreaker(
      (call, name: string) =>
        new Promise<string>((_, reject) => {
          call.signal.addEventListener("abort", () => reject(call.signal.reason));
          expect(name).toBe("a");
        }),
      { passCall: true, clock },
    );
    const waiting = ending(wait("a"));
    clock.advance(1000);
    expect(await waiting).toBe("CallTimeoutError: circuit: no answer within 1000 ms");
  });

  it("is nobody's outside", () => {
    expect(() => currentCall()).toThrow("no guarded function");
  });
});

describe("results", () => {
  it("can be failures: the fallback answers, or they themselves", async () => {
    const options = {
      requestVolumeThreshold: 2,
      classifyResult: (status: unknown) => (Number(status) >= 500 ? "failure" : "success"),
    } as const;
    const plain = circuitBreaker(async (status: number) => status, options);
    expect([await plain(200), await plain(503), plain.breaker.state]).toEqual([200, 503, "open"]);
    expect(plain.breaker.counts.count("EXCEPTION_THROWN")).toBe(0);
    const covered = circuitBreaker(async (status: number) => status, {
      ...options,
      fallback: (result) => -Number(result),
    });
    expect(await covered(503)).toBe(-503);
  });
});

describe("every execution", () => {
  it("has exactly one terminal event, in random runs", async () => {
    let seed = 7;
    const chance = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    const the = scene({
      maxConcurrentRequests: 3,
      fallbackMaxConcurrentRequests: 1,
      requestVolumeThreshold: 5,
      sleepWindowInMilliseconds: 50,
      timeoutInMilliseconds: 40,
      fallback: async () => {
        if (chance() < 0.5) throw new Error("no cache");
        return "cached";
      },
    });
    const callers: AbortController[] = [];
    const ended: Promise<unknown>[] = [];
    for (let step = 0; step < 3000; step++) {
      const dice = chance();
      const pending = the.origin.calls[Math.floor(chance() * the.origin.calls.length)];
      if (dice < 0.45) {
        const caller = new AbortController();
        callers.push(caller);
        ended.push(ending(the.ask.within(caller.signal)("x")));
      } else if (dice < 0.6) pending?.resolve("ok");
      else if (dice < 0.75) pending?.reject(new Error("down"));
      else if (dice < 0.8) pending?.reject(new BadRequestError("bad"));
      else if (dice < 0.85) callers[Math.floor(chance() * callers.length)]?.abort();
      else the.clock.advance(Math.floor(chance() * 30));
      await Promise.resolve();
    }
    for (const call of the.origin.calls) call.resolve("ok");
    the.clock.advance(100_000);
    await Promise.all(ended);
    const happened = Object.entries(the.happened()) as [EventType, number][];
    const terminal = happened.filter(([type]) => isTerminal(type));
    expect(terminal.reduce((sum, [, count]) => sum + count, 0)).toBe(ended.length);
    expect(happened.length).toBeGreaterThan(9);
    expect(the.breaker.stats.snapshot()).toMatchObject({ executing: 0, fallingBack: 0 });
  });
});
