import { describe, expect, it } from "vitest";
import { ScriptedWork, stateOf } from "../../../test/support/scripted-work.ts";
import { VirtualClock } from "../../base/clock.ts";
import { CallTimeoutError, CircuitOpenError } from "../errors.ts";
import { command } from "./command.ts";
import { compose } from "./compose.ts";
import { retry } from "./retry/retry.ts";

describe("command", () => {
  it("is a circuit with timeout and statistics for whatever is called", async () => {
    const clock = new VirtualClock();
    const service = new ScriptedWork();
    const policy = command({ name: "ratings", requestVolumeThreshold: 1, clock });
    const first = policy.run(service.work);
    service.at(0).answer("well");
    expect(await first).toBe("well");
    const second = policy.run(service.work);
    const { signal } = service.at(1).call;
    clock.advance(1000);
    const error = await second.catch((reason) => reason);
    expect(error).toBeInstanceOf(CallTimeoutError);
    expect(signal.reason).toBe(error);
    expect(await stateOf(policy.run(service.work))).toBeInstanceOf(CircuitOpenError);
    const { counts } = policy.breaker.stats.snapshot();
    expect(counts).toMatchObject({ SUCCESS: 1, TIMEOUT: 1, SHORT_CIRCUITED: 1 });
  });

  it("is cancelled with its caller, and passes on what it is told of the call", async () => {
    const service = new ScriptedWork();
    const caller = new AbortController();
    const policy = command({ clock: new VirtualClock() });
    const answer = policy.run(service.work, { signal: caller.signal, repeatable: "unsent" });
    const { call } = service.at(0);
    expect(call).toMatchObject({ attempt: 0, repeatable: "unsent" });
    const { signal } = call;
    caller.abort("gone");
    await expect(answer).rejects.toBe("gone");
    expect(signal.reason).toBe("gone");
    expect(policy.breaker.stats.snapshot().counts.CANCELLED).toBe(1);
  });

  it("sees each try of a retry around it", async () => {
    const clock = new VirtualClock();
    const attempts: number[] = [];
    const circuit = command({ clock });
    const hasty = { ...clock, now: () => 0, wall: () => 0, after: runAtOnce };
    const policy = compose(retry({ idempotent: true, retries: 2, clock: hasty }), circuit);
    const answer = policy.run(({ attempt }) => {
      attempts.push(attempt);
      throw new Error("down");
    });
    await expect(answer).rejects.toThrow("down");
    expect(attempts).toEqual([0, 1, 2]);
    expect(circuit.breaker.stats.snapshot().counts.FAILURE).toBe(3);
  });
});

function runAtOnce(_: number, callback: () => void): { cancel(): void } {
  queueMicrotask(callback);
  return { cancel: () => undefined };
}
