/** That a guarded function keeps its types is held by the compiler; the calls only run along. */
import { describe, expect, expectTypeOf, it } from "vitest";
import { circuitBreaker } from "./circuit-breaker.ts";
import type { Call } from "./policy/call-scope.ts";

async function load(id: number, options?: { readonly deep: boolean }): Promise<string> {
  return `${id} ${options?.deep ?? false}`;
}

function pick(key: "name"): Promise<string>;
function pick(key: "age"): Promise<number>;
async function pick(key: "name" | "age"): Promise<string | number> {
  return key === "name" ? "Ann" : 7;
}

describe("the types of a guarded function", () => {
  it("are the function's own: parameters and result", async () => {
    const guarded = circuitBreaker(load, { timeoutInMilliseconds: 50 });
    expectTypeOf(guarded).parameters.toEqualTypeOf<
      [id: number, options?: { readonly deep: boolean } | undefined]
    >();
    expectTypeOf(guarded).returns.toEqualTypeOf<Promise<string>>();
    const unguarded: typeof load = guarded;
    expectTypeOf(unguarded).toEqualTypeOf<typeof load>();
    // @ts-expect-error a text is no number
    const wrong = guarded("1");
    expect([await wrong, await guarded(1, { deep: true })]).toEqual(["1 false", "1 true"]);
  });

  it("keep overloads and type parameters", async () => {
    const guarded = circuitBreaker(pick);
    expectTypeOf(guarded("name")).toEqualTypeOf<Promise<string>>();
    expectTypeOf(guarded("age")).toEqualTypeOf<Promise<number>>();
    const same = circuitBreaker(async <T>(value: T): Promise<T> => value);
    expectTypeOf(same(7n)).toEqualTypeOf<Promise<bigint>>();
    expect([await guarded("name"), await guarded("age"), await same(7n)]).toEqual(["Ann", 7, 7n]);
  });

  it("answer with a promise where the function does not", async () => {
    const guarded = circuitBreaker((value: number) => value > 0);
    expectTypeOf(guarded).toBeCallableWith(1);
    expectTypeOf(guarded).returns.toEqualTypeOf<Promise<boolean>>();
    expect(await guarded(1)).toBe(true);
  });

  it("keep this", async () => {
    const counter = {
      step: 2,
      next: circuitBreaker(async function next(this: { step: number }, from: number) {
        return from + this.step;
      }),
    };
    expectTypeOf(counter.next).thisParameter.toEqualTypeOf<{ step: number }>();
    expect(await counter.next(1)).toBe(3);
  });

  it("lose the call that the circuit passes", async () => {
    const guarded = circuitBreaker(
      async (call: Call, id: string) => `${id} ${call.signal.aborted}`,
      { passCall: true },
    );
    expectTypeOf(guarded).parameters.toEqualTypeOf<[string]>();
    expectTypeOf(guarded).returns.toEqualTypeOf<Promise<string>>();
    expect(await guarded("a")).toBe("a false");
  });

  it("hold for the fallback: the function's arguments, the function's result", async () => {
    const guarded = circuitBreaker(load, {
      forceOpen: true,
      fallback: (_error, id, options) => {
        expectTypeOf(id).toEqualTypeOf<number>();
        expectTypeOf(options).toEqualTypeOf<{ readonly deep: boolean } | undefined>();
        return "none";
      },
    });
    // @ts-expect-error a fallback answers as the function does
    circuitBreaker(load, { fallback: () => 7 });
    expect(await guarded(1)).toBe("none");
  });
});
