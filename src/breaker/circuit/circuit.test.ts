import { describe, expect, it } from "vitest";
import type { CircuitState, Outcome } from "../breaker.ts";
import type { StrategyOptions } from "../strategy/strategy.ts";
import { LocalCells, SharedCells } from "./cells.ts";
import { Circuit } from "./circuit.ts";
import { circuitCells } from "./circuit-cells.ts";
import type { CircuitListener, CircuitOptions } from "./options.ts";

const HYSTRIX: StrategyOptions = {
  kind: "errorPercentage",
  durationMs: 10_000,
  buckets: 10,
  requestVolume: 20,
  errorPercentage: 50,
  snapshotMs: 0,
};

const OPTIONS: CircuitOptions = {
  strategy: HYSTRIX,
  sleepMs: 5000,
  backoff: undefined,
  probes: 1,
  probeTimeoutMs: 5000,
  ignoredProbe: "another",
};

class Changes implements CircuitListener {
  readonly seen: string[] = [];

  onTransition(from: CircuitState, to: CircuitState, at: number, brokenForMs: number): void {
    this.seen.push(`${at} ${from} ${to} ${brokenForMs}`);
  }
}

function circuitOf(options: Partial<CircuitOptions> = {}, listener = new Changes()): Circuit {
  const all = { ...OPTIONS, ...options };
  const cells = new LocalCells(circuitCells(all.strategy));
  return new Circuit(cells, 0, all, listener, () => 0.5);
}

function call(circuit: Circuit, outcome: Outcome, now: number): boolean {
  const permit = circuit.acquire(now);
  if (permit !== 0) circuit.record(outcome, now, permit);
  return permit !== 0;
}

function calls(circuit: Circuit, count: number, outcome: Outcome, now: number): void {
  for (let index = 0; index < count; index++) call(circuit, outcome, now);
}

/** Open since `now`. */
function opened(options: Partial<CircuitOptions> = {}, now = 1000, listener?: Changes): Circuit {
  const circuit = circuitOf(options, listener);
  calls(circuit, 20, "failure", now);
  return circuit;
}

describe("a closed circuit", () => {
  it("opens at exactly the threshold, and not below the volume", () => {
    const circuit = circuitOf();
    calls(circuit, 9, "success", 0);
    calls(circuit, 9, "failure", 0);
    calls(circuit, 1, "success", 0);
    expect(circuit.state).toBe("closed");
    calls(circuit, 1, "failure", 0);
    expect(circuit.state).toBe("open");
    expect(circuit.acquire(1)).toBe(0);
  });

  it("cuts the share of errors to a whole number, as Hystrix does", () => {
    const options = { ...HYSTRIX, requestVolume: 200, errorPercentage: 50 } as const;
    const circuit = circuitOf({ strategy: options });
    calls(circuit, 101, "success", 0);
    calls(circuit, 99, "failure", 0);
    expect(circuit.state).toBe("closed");
    const cut = circuitOf({ strategy: { ...options, errorPercentage: 49 } });
    calls(cut, 101, "success", 0);
    calls(cut, 99, "failure", 0);
    expect(cut.state).toBe("open");
  });

  it("does not count what is ignored", () => {
    const circuit = circuitOf();
    calls(circuit, 19, "failure", 0);
    calls(circuit, 100, "ignored", 0);
    expect(circuit.state).toBe("closed");
    calls(circuit, 1, "failure", 0);
    expect(circuit.state).toBe("open");
  });

  it("forgets what is older than its window, also after a pause", () => {
    const circuit = circuitOf();
    calls(circuit, 19, "failure", 0);
    calls(circuit, 19, "failure", 10_000);
    expect(circuit.state).toBe("closed");
    calls(circuit, 19, "failure", 700_000);
    expect(circuit.state).toBe("closed");
  });

  it("judges in snapshots where it is told to, with time alone", () => {
    const circuit = circuitOf({ strategy: { ...HYSTRIX, snapshotMs: 500 } });
    calls(circuit, 1, "success", 10);
    calls(circuit, 40, "failure", 20);
    expect(circuit.state).toBe("closed");
    expect(circuit.acquire(499)).toBeGreaterThan(0);
    expect(circuit.acquire(500)).toBe(0);
    expect([circuit.state, circuit.changedAt]).toEqual(["open", 500]);
  });
});

describe("an open circuit", () => {
  it("lets one probe through when its sleep is over, and closes with it", () => {
    const listener = new Changes();
    const circuit = opened({}, 1000, listener);
    expect(circuit.acquire(5999)).toBe(0);
    expect(circuit.state).toBe("open");
    const probe = circuit.acquire(6000);
    expect(probe).toBeGreaterThan(0);
    expect([circuit.state, circuit.acquire(6001)]).toEqual(["halfOpen", 0]);
    circuit.record("success", 6500, probe);
    expect([circuit.state, circuit.changedAt]).toEqual(["closed", 6500]);
    const seen = ["1000 closed open 0", "6000 open halfOpen 5000", "6500 halfOpen closed 5500"];
    expect(listener.seen).toEqual(seen);
  });

  it("starts with an empty window when it closes", () => {
    const circuit = opened();
    call(circuit, "success", 6000);
    calls(circuit, 19, "failure", 6001);
    expect(circuit.state).toBe("closed");
    calls(circuit, 1, "failure", 6001);
    expect(circuit.state).toBe("open");
  });

  it.each(["failure", "throttled"] as const)("sleeps again after a probe's %s", (outcome) => {
    const circuit = opened();
    call(circuit, outcome, 7000);
    expect([circuit.state, circuit.acquire(11_999)]).toEqual(["open", 0]);
    expect(circuit.acquire(12_000)).toBeGreaterThan(0);
  });

  it("is not moved by late answers of calls from before it opened", () => {
    const circuit = circuitOf();
    const [slow, slower] = [circuit.acquire(0), circuit.acquire(0)];
    calls(circuit, 20, "failure", 1000);
    circuit.record("success", 5999, slow);
    expect(circuit.state).toBe("open");
    const probe = circuit.acquire(6000);
    circuit.record("success", 6001, slower);
    expect(circuit.state).toBe("halfOpen");
    circuit.record("failure", 6002, slower);
    expect(circuit.state).toBe("halfOpen");
    circuit.record("success", 6003, probe);
    circuit.record("failure", 6004, probe);
    expect(circuit.state).toBe("closed");
  });

  it("tries another probe, or opens, where one says nothing of the other side", () => {
    const circuit = opened();
    call(circuit, "ignored", 6000);
    expect(circuit.state).toBe("halfOpen");
    call(circuit, "success", 900_000);
    expect(circuit.state).toBe("closed");
    const strict = opened({ ignoredProbe: "open" });
    call(strict, "ignored", 6000);
    expect(strict.state).toBe("open");
  });

  it("does not stay half-open for ever when a probe is never answered", () => {
    const circuit = opened({ probeTimeoutMs: 2000 });
    const lost = circuit.acquire(6000);
    expect(circuit.acquire(7999)).toBe(0);
    expect(circuit.state).toBe("halfOpen");
    expect(circuit.acquire(8000)).toBe(0);
    expect([circuit.state, circuit.changedAt, circuit.openUntil]).toEqual(["open", 8000, 13_000]);
    circuit.record("success", 8001, lost);
    expect(circuit.state).toBe("open");
    expect(circuit.acquire(13_000)).toBeGreaterThan(0);
  });

  it("opens as of the probe's end, so that a long pause costs nothing more", () => {
    const circuit = opened({ probeTimeoutMs: 2000 });
    circuit.acquire(6000);
    expect(circuit.acquire(90_000)).toBeGreaterThan(0);
    expect([circuit.state, circuit.changes("open"), circuit.changedTo("open")]).toEqual([
      "halfOpen",
      2,
      8000,
    ]);
  });
});

describe("several probes", () => {
  it("must all succeed, and no more than these are let through", () => {
    const circuit = opened({ probes: 3 });
    const permits = [6000, 6001, 6002, 6003].map((now) => circuit.acquire(now));
    expect(permits.map((permit) => permit > 0)).toEqual([true, true, true, false]);
    for (const permit of permits.slice(0, 2)) circuit.record("success", 6010, permit);
    expect([circuit.state, circuit.acquire(6011)]).toEqual(["halfOpen", 0]);
    circuit.record("success", 6012, permits[2]);
    expect(circuit.state).toBe("closed");
  });

  it("open again at the first that fails", () => {
    const circuit = opened({ probes: 3 });
    const permits = [6000, 6001].map((now) => circuit.acquire(now));
    circuit.record("failure", 6010, permits[0]);
    circuit.record("success", 6011, permits[1]);
    expect([circuit.state, circuit.openUntil]).toEqual(["open", 11_010]);
  });
});

describe("a forced circuit", () => {
  it("lets nothing or everything through, and goes on as it was", () => {
    const circuit = opened();
    circuit.forceClosed();
    expect([circuit.forced, circuit.isOpen, circuit.allow(1001)]).toEqual(["closed", false, true]);
    calls(circuit, 50, "failure", 1002);
    circuit.forceOpen();
    expect([circuit.forced, circuit.isOpen, circuit.allow(90_000)]).toEqual(["open", true, false]);
    circuit.unforce();
    expect([circuit.state, circuit.allow(5999), circuit.allow(6000)]).toEqual([
      "open",
      false,
      true,
    ]);
  });

  it("goes on counting while it is forced closed", () => {
    const circuit = circuitOf();
    circuit.forceClosed();
    calls(circuit, 30, "failure", 10);
    expect([circuit.state, circuit.allow(11)]).toEqual(["open", true]);
  });

  it("opens and closes for reasons that are found elsewhere", () => {
    const circuit = circuitOf();
    circuit.trip(100);
    expect([circuit.state, circuit.allow(5099), circuit.openings]).toEqual(["open", false, 1]);
    circuit.close(5099);
    expect([circuit.state, circuit.allow(5100), circuit.openings]).toEqual(["closed", true, 0]);
  });
});

describe("back-off", () => {
  const backoff = { factor: 2, maxMs: 30_000, jitterRatio: 0 };

  /** Fails every probe; the sleeps between them. */
  function sleeps(circuit: Circuit, count: number): number[] {
    return Array.from({ length: count }, () => {
      const slept = circuit.openUntil - circuit.changedAt;
      call(circuit, "failure", circuit.openUntil);
      return slept;
    });
  }

  it("is off where nobody asks for it", () => {
    expect(sleeps(opened(), 3)).toEqual([5000, 5000, 5000]);
  });

  it("doubles the sleep up to a bound, and starts anew when it closes", () => {
    const circuit = opened({ backoff });
    expect(sleeps(circuit, 5)).toEqual([5000, 10_000, 20_000, 30_000, 30_000]);
    call(circuit, "success", circuit.openUntil);
    calls(circuit, 20, "failure", circuit.changedAt);
    expect(sleeps(circuit, 2)).toEqual([5000, 10_000]);
  });

  it("adds jitter", () => {
    const circuit = opened({ backoff: { ...backoff, jitterRatio: 0.5 } });
    expect(sleeps(circuit, 2)).toEqual([6250, 12_500]);
  });

  it("is lengthened by what the other side asks for, never shortened", () => {
    const circuit = opened();
    circuit.sleepUntil(20_000);
    circuit.sleepUntil(3000);
    expect([circuit.allow(19_999), circuit.allow(20_000)]).toEqual([false, true]);
  });
});

describe("one circuit of several threads", () => {
  it("is opened by what all of them count, and gives one probe to one of them", () => {
    const length = circuitCells(HYSTRIX) + 7;
    const numbers = new Int32Array(new SharedArrayBuffer(length * 4));
    const [one, other] = [new Changes(), new Changes()].map(
      (listener) => new Circuit(new SharedCells(numbers), 7, OPTIONS, listener, () => 0),
    ) as [Circuit, Circuit];
    calls(one, 10, "failure", 10);
    calls(other, 10, "failure", 20);
    expect([one.state, other.state, one.changedAt]).toEqual(["open", "open", 20]);
    const probes = [one.acquire(5020), other.acquire(5020)];
    expect(probes.filter((permit) => permit > 0)).toHaveLength(1);
    one.record("success", 5030, probes[0]);
    expect([other.state, other.changes("closed")]).toEqual(["closed", 1]);
    calls(other, 19, "failure", 5040);
    calls(one, 1, "failure", 5040);
    expect(other.state).toBe("open");
  });
});
