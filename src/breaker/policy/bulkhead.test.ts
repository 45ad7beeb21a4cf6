import { describe, expect, it } from "vitest";
import { ScriptedWork, stateOf, turn } from "../../../test/support/scripted-work.ts";
import { VirtualClock } from "../../base/clock.ts";
import { BulkheadFullError, BulkheadWaitError, CallTimeoutError } from "../errors.ts";
import { bulkhead } from "./bulkhead.ts";
import { compose } from "./compose.ts";
import { timeout } from "./timeout.ts";

describe("bulkhead", () => {
  it("lets so many run, refuses the next and takes another when one has ended", async () => {
    const service = new ScriptedWork();
    const policy = bulkhead({ maxConcurrent: 2, name: "ratings" });
    const first = policy.run(service.work);
    const second = policy.run(service.work);
    const refused = await policy.run(service.work).catch((error) => error);
    expect(refused).toBeInstanceOf(BulkheadFullError);
    expect(refused).toMatchObject({ reason: "bulkhead_full", policy: "ratings" });
    expect(service.calls).toHaveLength(2);
    service.at(0).fail(new Error("failed"));
    await expect(first).rejects.toThrow("failed");
    const third = policy.run(service.work);
    service.at(1).answer("second");
    service.at(2).answer("third");
    expect(await Promise.all([second, third])).toEqual(["second", "third"]);
    expect(policy).toMatchObject({ running: 0, queued: 0, rejected: 1 });
  });

  it("lets those that wait run in the order of their coming", async () => {
    const service = new ScriptedWork();
    const policy = bulkhead({ maxConcurrent: 1, maxQueue: 2 });
    const order: string[] = [];
    const run = (name: string): Promise<unknown> =>
      policy.run((call) => {
        order.push(name);
        return service.work(call);
      });
    const all = [run("first"), run("second"), run("third")];
    await expect(run("fourth")).rejects.toBeInstanceOf(BulkheadFullError);
    expect(policy).toMatchObject({ running: 1, queued: 2 });
    for (let i = 0; i < 3; i++) {
      service.at(i).answer("done");
      await turn();
    }
    await Promise.all(all);
    expect(order).toEqual(["first", "second", "third"]);
    expect(policy).toMatchObject({ running: 0, queued: 0, rejected: 1 });
  });

  it("lets none wait longer than it may", async () => {
    const clock = new VirtualClock();
    const service = new ScriptedWork();
    const policy = bulkhead({ maxConcurrent: 1, maxQueue: 1, maxWaitMs: 50, clock });
    const first = policy.run(service.work);
    const second = stateOf(policy.run(service.work));
    clock.advance(50);
    expect(await second).toBeInstanceOf(BulkheadWaitError);
    service.at(0).answer("first");
    expect(await first).toBe("first");
    expect(service.calls).toHaveLength(1);
    expect(policy).toMatchObject({ running: 0, queued: 0, rejected: 1 });
  });

  it("forgets one that gave up while it waited", async () => {
    const service = new ScriptedWork();
    const policy = bulkhead({ maxConcurrent: 1, maxQueue: 1 });
    const caller = new AbortController();
    const first = policy.run(service.work);
    const second = policy.run(service.work, { signal: caller.signal });
    caller.abort("gone");
    await expect(second).rejects.toBe("gone");
    const third = policy.run(service.work);
    service.at(0).answer("first");
    await first;
    await turn();
    service.at(1).answer("third");
    expect(await third).toBe("third");
    expect(policy.running).toBe(0);
  });

  it("holds a permit until the call has really ended, with the timeout outside", async () => {
    const clock = new VirtualClock();
    const service = new ScriptedWork();
    const cells = bulkhead(1);
    const policy = compose(timeout({ timeoutMs: 10, clock }), cells);
    const answer = stateOf(policy.run(service.work));
    clock.advance(10);
    expect(await answer).toBeInstanceOf(CallTimeoutError);
    expect(cells.running).toBe(1);
    service.at(0).answer("at last");
    await turn();
    expect(cells.running).toBe(0);
  });

  it("has the permit back at the timeout, with the timeout inside", async () => {
    const clock = new VirtualClock();
    const service = new ScriptedWork();
    const cells = bulkhead(1);
    const answer = stateOf(compose(cells, timeout({ timeoutMs: 10, clock })).run(service.work));
    clock.advance(10);
    expect(await answer).toBeInstanceOf(CallTimeoutError);
    expect(cells.running).toBe(0);
  });

  it.each([{ maxConcurrent: 0 }, { maxQueue: -1 }])("refuses %o", (options) => {
    expect(() => bulkhead(options)).toThrow(RangeError);
  });
});
