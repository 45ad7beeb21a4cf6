import { describe, expect, it } from "vitest";
import { ScriptedWork, stateOf, turn } from "../../../test/support/scripted-work.ts";
import { VirtualClock } from "../../base/clock.ts";
import type { Breaker, Outcome, Permit } from "../breaker.ts";
import { BadRequestError, CircuitOpenError } from "../errors.ts";
import { circuit } from "./circuit.ts";
import { compose } from "./compose.ts";
import { timeout } from "./timeout.ts";

/** Writes down what it is told; lets calls through as the test says. */
class WitnessBreaker implements Breaker {
  readonly state = "closed";
  readonly changedAt = 0;
  readonly seen: string[] = [];
  isOpen = false;
  #last = 0;

  acquire(): Permit {
    return this.isOpen ? 0 : ++this.#last;
  }

  allow(): boolean {
    return this.acquire() !== 0;
  }

  record(outcome: Outcome, now: number, permit?: Permit): void {
    this.seen.push(`${permit} ${outcome} at ${now}`);
  }
}

describe("circuit", () => {
  it("takes a failure for one where nobody can say what it is", async () => {
    const breaker = new WitnessBreaker();
    const onError = (): never => {
      throw new Error("no outcome");
    };
    const policy = circuit(breaker, { clock: new VirtualClock(), onError });
    const asked = policy.run(() => Promise.reject(new Error("down")));
    await expect(asked).rejects.toThrow("no outcome");
    expect(breaker.seen).toEqual(["1 failure at 0"]);
  });

  it("tells the breaker of each call with its own permit", async () => {
    const clock = new VirtualClock();
    const breaker = new WitnessBreaker();
    const service = new ScriptedWork();
    const policy = circuit(breaker, { clock });
    const answers = Promise.allSettled([policy.run(service.work), policy.run(service.work)]);
    clock.advance(5);
    service.at(1).fail(new Error("down"));
    await turn();
    clock.advance(5);
    service.at(0).answer("well");
    await answers;
    expect(breaker.seen).toEqual(["2 failure at 5", "1 success at 10"]);
  });

  it("refuses while the circuit is open, and calls nothing", async () => {
    const breaker = new WitnessBreaker();
    breaker.isOpen = true;
    const service = new ScriptedWork();
    const error = await stateOf(circuit(breaker, { name: "ratings" }).run(service.work));
    expect(error).toBeInstanceOf(CircuitOpenError);
    expect(error).toMatchObject({ reason: "circuit_open", policy: "ratings" });
    expect(service.calls).toHaveLength(0);
    expect(breaker.seen).toEqual([]);
  });

  it("counts results and errors as it is told", async () => {
    const breaker = new WitnessBreaker();
    const policy = circuit(breaker, {
      clock: new VirtualClock(),
      onResult: (result) => (result === 429 ? "throttled" : "success"),
      onError: () => "ignored",
    });
    await policy.run(() => 429);
    await stateOf(policy.run(() => Promise.reject(new Error("mine"))));
    expect(breaker.seen).toEqual(["1 throttled at 0", "2 ignored at 0"]);
  });

  it("counts no bad request", async () => {
    const breaker = new WitnessBreaker();
    const policy = circuit(breaker, { clock: new VirtualClock() });
    await stateOf(policy.run(() => Promise.reject(new BadRequestError("no id"))));
    expect(breaker.seen).toEqual(["1 ignored at 0"]);
  });

  it("hears of a timeout outside at once, though the call goes on", async () => {
    const clock = new VirtualClock();
    const breaker = new WitnessBreaker();
    const service = new ScriptedWork();
    const policy = compose(timeout({ timeoutMs: 10, clock }), circuit(breaker, { clock }));
    const answer = stateOf(policy.run(service.work));
    clock.advance(10);
    await answer;
    expect(breaker.seen).toEqual(["1 failure at 10"]);
    service.at(0).answer("at last");
    await turn();
    expect(breaker.seen).toHaveLength(1);
  });

  it("counts nothing against the service when a caller leaves", async () => {
    const breaker = new WitnessBreaker();
    const caller = new AbortController();
    const policy = circuit(breaker, { clock: new VirtualClock() });
    void policy.run(new ScriptedWork().work, { signal: caller.signal });
    caller.abort("gone");
    expect(breaker.seen).toEqual(["1 ignored at 0"]);
  });
});
