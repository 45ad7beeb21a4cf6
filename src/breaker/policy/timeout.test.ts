import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { ScriptedWork, stateOf, turn } from "../../../test/support/scripted-work.ts";
import { VirtualClock } from "../../base/clock.ts";
import { CallTimeoutError } from "../errors.ts";
import { bulkhead } from "./bulkhead.ts";
import { compose } from "./compose.ts";
import { hedge } from "./hedge.ts";
import { retry } from "./retry/retry.ts";
import { timeout } from "./timeout.ts";

describe("timeout", () => {
  it("answers what comes in time", async () => {
    const clock = new VirtualClock();
    const service = new ScriptedWork();
    const answer = timeout({ timeoutMs: 100, clock }).run(service.work);
    clock.advance(99);
    service.at(0).answer("in time");
    expect(await answer).toBe("in time");
    clock.advance(1000);
    expect(service.at(0).call.signal.aborted).toBe(false);
  });

  it("rejects at the timeout and aborts the call's signal with the same error", async () => {
    const clock = new VirtualClock();
    const service = new ScriptedWork();
    const answer = timeout({ timeoutMs: 100, name: "ratings", clock }).run(service.work);
    clock.advance(100);
    const error = await answer.catch((reason) => reason);
    expect(error).toBeInstanceOf(CallTimeoutError);
    expect(error).toMatchObject({ reason: "timeout", policy: "ratings", timeoutMs: 100 });
    expect(service.at(0).call.signal.reason).toBe(error);
  });

  it("aborts each call in its own caller's context, through policies inside", async () => {
    const clock = new VirtualClock();
    const context = new AsyncLocalStorage<string>();
    const heard: string[] = [];
    const policy = compose(timeout({ timeoutMs: 100, clock }), retry({ clock }));
    const asked = ["a", "b"].map((caller) =>
      context.run(caller, () =>
        policy.run(({ signal }) => {
          signal.addEventListener("abort", () => heard.push(`${caller} in ${context.getStore()}`));
          return new Promise(() => undefined);
        }),
      ),
    );
    clock.advance(100);
    await Promise.allSettled(asked);
    await turn();
    expect(heard).toEqual(["a in a", "b in b"]);
  });

  it("aborts one call only, however many are under way", async () => {
    const clock = new VirtualClock();
    const service = new ScriptedWork();
    const policy = timeout({ timeoutMs: 100, clock });
    const early = stateOf(policy.run(service.work));
    clock.advance(50);
    const late = policy.run(service.work);
    clock.advance(50);
    expect(await early).toBeInstanceOf(CallTimeoutError);
    expect(service.at(1).call.signal.aborted).toBe(false);
    service.at(1).answer("late");
    expect(await late).toBe("late");
  });

  it("lets a late failure pass unseen", async () => {
    const clock = new VirtualClock();
    const service = new ScriptedWork();
    const answer = stateOf(timeout({ timeoutMs: 1, clock }).run(service.work));
    clock.advance(1);
    service.at(0).fail(new Error("late"));
    expect(await answer).toBeInstanceOf(CallTimeoutError);
    await turn();
  });

  it("gives up when its caller does, with the caller's reason", async () => {
    const service = new ScriptedWork();
    const caller = new AbortController();
    const policy = timeout({ timeoutMs: 100, clock: new VirtualClock() });
    const answer = policy.run(service.work, { signal: caller.signal });
    const signal = service.at(0).call.signal;
    const reason = new Error("closed the page");
    caller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    expect(signal.reason).toBe(reason);
  });

  it("leaves nothing behind at a signal that lives longer", async () => {
    const caller = new AbortController();
    const clock = new VirtualClock();
    const policy = compose(
      timeout({ timeoutMs: 100, clock }),
      retry({ clock }),
      hedge({ delayMs: 10, clock }),
      bulkhead({ maxConcurrent: 1, maxQueue: 1 }),
    );
    for (let i = 0; i < 3; i++) {
      await policy.run(({ signal }) => signal.aborted, { signal: caller.signal });
    }
    expect(getEventListeners(caller.signal, "abort")).toEqual([]);
  });

  it("calls nothing for a caller that has left already", async () => {
    const service = new ScriptedWork();
    const answer = timeout(100).run(service.work, { signal: AbortSignal.abort("gone") });
    await expect(answer).rejects.toBe("gone");
    expect(service.calls).toHaveLength(0);
  });

  it("rejects with what a call throws at once", async () => {
    const answer = timeout({ timeoutMs: 1, clock: new VirtualClock() }).run(() => {
      throw new Error("at once");
    });
    await expect(answer).rejects.toThrow("at once");
  });

  it.each([0, -1, Number.NaN])("refuses a timeout of %s ms", (timeoutMs) => {
    expect(() => timeout(timeoutMs)).toThrow(RangeError);
  });
});
