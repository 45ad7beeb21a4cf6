import { describe, expect, expectTypeOf, it } from "vitest";
import { ScriptedWork, stateOf, turn } from "../../../test/support/scripted-work.ts";
import { BadRequestError, FallbackFailedError, FallbackFullError } from "../errors.ts";
import { fallback } from "./fallback.ts";

function failing(error: unknown): () => Promise<string> {
  return () => Promise.reject(error);
}

describe("fallback", () => {
  it("stays out of the way of calls that go well", async () => {
    const policy = fallback(() => 0);
    const answer = await policy.run(() => "well");
    expectTypeOf(answer).toEqualTypeOf<string | number>();
    expect(answer).toBe("well");
    expect(policy.succeeded).toBe(0);
  });

  it("answers for a call that failed, and hears with what", async () => {
    const error = new Error("down");
    const seen: unknown[] = [];
    const policy = fallback((cause) => {
      seen.push(cause);
      return "instead";
    });
    expect(await policy.run(failing(error))).toBe("instead");
    expect(seen).toEqual([error]);
    expect(policy).toMatchObject({ succeeded: 1, failed: 0, rejected: 0 });
  });

  it("rejects with both errors when it fails as well", async () => {
    const policy = fallback(failing(new Error("also down")), { name: "ratings" });
    const error = await policy.run(failing(new Error("down"))).catch((reason) => reason);
    expect(error).toBeInstanceOf(FallbackFailedError);
    expect(error.cause.message).toBe("down");
    expect(error.fallbackError.message).toBe("also down");
    expect(policy.failed).toBe(1);
  });

  it("runs only so many at a time", async () => {
    const service = new ScriptedWork();
    const policy = fallback((_, call) => service.work(call), { maxConcurrent: 1 });
    const first = policy.run(failing(new Error("first")));
    await turn();
    const refused = await stateOf(policy.run(failing(new Error("second"))));
    expect(refused).toBeInstanceOf(FallbackFullError);
    expect((refused as Error).cause).toMatchObject({ message: "second" });
    service.at(0).answer("instead");
    expect(await first).toBe("instead");
    expect(await stateOf(policy.run(failing(new Error("third"))))).toBe("pending");
    expect(policy.rejected).toBe(1);
  });

  it("never hides a bad request, nor what it is not for", async () => {
    const policy = fallback(() => "instead", { on: (error) => !(error instanceof TypeError) });
    await expect(policy.run(failing(new BadRequestError("no id")))).rejects.toThrow("no id");
    await expect(policy.run(failing(new TypeError("a mistake")))).rejects.toThrow("a mistake");
  });

  it("does not answer those who left", async () => {
    const service = new ScriptedWork();
    const caller = new AbortController();
    const policy = fallback(() => "instead");
    const answer = policy.run(service.work, { signal: caller.signal });
    caller.abort("gone");
    service.at(0).fail("gone");
    await expect(answer).rejects.toBe("gone");
    expect(policy.succeeded).toBe(0);
  });
});
