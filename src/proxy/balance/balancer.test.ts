import { describe, expect, it } from "vitest";
import {
  type Case,
  DEGRADED,
  DOWN,
  EVENLY,
  fits,
  many,
  NOW_MS,
  PICKS,
  priorities,
  Scene,
  spill,
} from "../../../test/support/balance-scene.ts";
import { PeakEwma } from "./peak-ewma.ts";

interface NamedCase extends Case {
  readonly name: string;
  readonly shares: readonly number[];
}

const CASES: readonly NamedCase[] = [
  ...(["roundRobin", "leastRequest", "random", "peakEwma"] as const).flatMap(
    (policy): NamedCase[] => [
      { name: "spreads evenly over equal hosts", policy, hosts: many(4), shares: EVENLY },
      { name: "serves a single host", policy, hosts: [{ weight: 7 }], shares: [1] },
      {
        name: "leaves out who is not healthy",
        policy,
        hosts: [...many(3), DOWN],
        shares: [1 / 3, 1 / 3, 1 / 3, 0],
      },
      {
        name: "goes to degraded hosts where nobody is healthy",
        policy,
        hosts: [DOWN, DEGRADED, DEGRADED],
        shares: [0, 0.5, 0.5],
      },
      {
        name: "divides between healthy and degraded as far as healthy ones suffice",
        policy,
        // 1.4 * 50 = 70 percent of the load finds healthy hosts; degraded ones get the rest.
        hosts: [{}, DEGRADED],
        shares: [0.7, 0.3],
      },
      {
        name: "uses everybody in a panic",
        policy,
        hosts: [{}, DOWN, DOWN, DOWN],
        shares: EVENLY,
      },
      {
        name: "does not panic where the threshold is 0",
        policy,
        hosts: [{}, DOWN, DOWN, DOWN],
        panicThreshold: 0,
        shares: [1, 0, 0, 0],
      },
      {
        name: "gives the second priority 30 percent where half of the first is down",
        policy,
        hosts: priorities(2, 4),
        shares: spill(70, 2, 4),
      },
      {
        name: "gives the second priority 1 percent at 71 percent",
        policy,
        hosts: priorities(71, 100, 1),
        shares: spill(99, 71, 100, 1),
      },
      {
        name: "gives the second priority nothing at 72 percent",
        policy,
        hosts: priorities(72, 100, 1),
        shares: spill(100, 72, 100, 1),
      },
      {
        name: "chooses a locality by weight",
        policy,
        options: { localityWeighted: true },
        hosts: [
          { locality: "a", localityWeight: 1 },
          { locality: "b", localityWeight: 3 },
          { locality: "b", localityWeight: 3 },
          { locality: "c", localityWeight: 0 },
        ],
        shares: [0.25, 0.375, 0.375, 0],
      },
      {
        name: "trusts a locality less where its hosts are down",
        policy,
        options: { localityWeighted: true },
        hosts: [
          { locality: "a", localityWeight: 10 },
          { locality: "b", localityWeight: 10 },
          { locality: "b", localityWeight: 10, health: "unhealthy" },
        ],
        // b counts 10 * 1.4 / 2 = 7.
        shares: [10 / 17, 7 / 17, 0],
      },
    ],
  ),
  ...(["roundRobin", "leastRequest", "peakEwma"] as const).map(
    (policy): NamedCase => ({
      name: "follows unequal weights",
      policy,
      hosts: [{ weight: 1 }, { weight: 3 }],
      // Of two, P2C takes whoever has the lower load over weight: always the heavier one.
      shares: policy === "peakEwma" ? [0, 1] : [0.25, 0.75],
      panicThreshold: 50,
    }),
  ),
  {
    name: "ignores weights",
    policy: "random",
    hosts: [{ weight: 1 }, { weight: 9 }],
    shares: [0.5, 0.5],
  },
  {
    name: "picks the busier of two hosts a quarter of the time",
    policy: "leastRequest",
    hosts: [{ active: 5 }, {}],
    shares: [0.25, 0.75],
  },
  {
    name: "picks the busier of two a sixteenth of the time with four draws",
    policy: "leastRequest",
    choiceCount: 4,
    hosts: [{ active: 5 }, {}],
    shares: [1 / 16, 15 / 16],
  },
  {
    name: "picks only the least busy with a full scan, each of them as often",
    policy: "leastRequest",
    options: { fullScan: true },
    hosts: [{ active: 5 }, {}, {}, { active: 1 }, {}],
    shares: [0, 1 / 3, 1 / 3, 0, 1 / 3],
  },
  {
    name: "with unequal weights divides them by the requests in flight",
    policy: "leastRequest",
    hosts: [{ weight: 1 }, { weight: 2, active: 3 }],
    shares: [2 / 3, 1 / 3],
  },
  {
    name: "divides them by a power of the requests in flight",
    policy: "leastRequest",
    options: { activeRequestBias: 2 },
    hosts: [{ weight: 1 }, { weight: 2, active: 1 }],
    shares: [2 / 3, 1 / 3],
  },
  {
    name: "does not look at requests in flight with a bias of 0",
    policy: "leastRequest",
    options: { activeRequestBias: 0 },
    hosts: [{ weight: 1 }, { weight: 2, active: 9 }],
    shares: [1 / 3, 2 / 3],
  },
  {
    name: "picks the faster of two, whatever the draw",
    policy: "peakEwma",
    hosts: [{ rttMs: 30 }, { rttMs: 31 }],
    shares: [1, 0],
  },
  {
    name: "weighs time against requests in flight",
    policy: "peakEwma",
    hosts: [
      { rttMs: 30, active: 1 },
      { rttMs: 50, active: 0 },
    ],
    shares: [0, 1],
  },
];

describe.each(CASES)("$policy", (one) => {
  it(one.name, () => {
    const counts = new Scene(one).counts(PICKS);
    expect(fits(counts, one.shares), `${counts} for ${one.shares}`).toBe(true);
  });
});

it("ROUND_ROBIN visits every host once a round", () => {
  const scene = new Scene({ policy: "roundRobin", hosts: many(3) }, 5);
  const round = [scene.pick(), scene.pick(), scene.pick()].map((host) => host?.name);
  expect(round.toSorted()).toEqual([0, 1, 2]);
});

it("nobody is picked where there is nobody", () => {
  expect(new Scene({ policy: "roundRobin", hosts: [] }).pick()).toBeUndefined();
});

it("P0 refuses where nobody is available and there is no panic", () => {
  const hosts = [DOWN, { ...DOWN, priority: 1 }];
  expect(new Scene({ policy: "roundRobin", hosts, panicThreshold: 0 }).pick()).toBeUndefined();
});

it("priorities that nobody has are passed over", () => {
  expect(new Scene({ policy: "roundRobin", hosts: [{ priority: 2 }] }).pick()?.name).toBe(0);
});

describe("a slow start", () => {
  /** What a new host gets beside an old one, so long after it came. */
  function shareAfter(elapsedMs: number, aggression = 1, minWeightPercent = 10): number {
    const slowStart = { windowMs: 10_000, aggression, minWeightPercent };
    const hosts = [{ healthySinceMs: NOW_MS - elapsedMs }, { healthySinceMs: 0 }];
    const [young = 0, old = 0] = new Scene({
      policy: "roundRobin",
      hosts,
      options: { slowStart },
    }).counts(PICKS);
    return young / old;
  }

  it.each([
    { elapsedMs: 0, aggression: 1, share: 0.1 },
    { elapsedMs: 2500, aggression: 1, share: 0.25 },
    { elapsedMs: 5000, aggression: 1, share: 0.5 },
    { elapsedMs: 2500, aggression: 2, share: 0.5 },
    { elapsedMs: 8100, aggression: 0.5, share: 0.6561 },
    { elapsedMs: 10_000, aggression: 1, share: 1 },
    { elapsedMs: 10_001, aggression: 1, share: 1 },
  ])("after $elapsedMs of 10000 ms at $aggression is $share", (one) => {
    expect(shareAfter(one.elapsedMs, one.aggression)).toBeCloseTo(one.share, 2);
  });

  it("begins at the least weight", () => {
    expect(shareAfter(1, 1, 30)).toBeCloseTo(0.3, 2);
  });

  it("goes on while hosts are picked", () => {
    const slowStart = { windowMs: 10_000, aggression: 1, minWeightPercent: 10 };
    const hosts = [{ healthySinceMs: NOW_MS }, { healthySinceMs: 0 }];
    const scene = new Scene({ policy: "roundRobin", hosts, options: { slowStart } });
    const early = scene.counts(1100);
    scene.clock.advance(20_000);
    const late = scene.counts(1000);
    expect(early[0]).toBeGreaterThan(80);
    expect(early[0]).toBeLessThan(120);
    expect(late[0]).toBeGreaterThan(450);
  });
});

describe("peak EWMA", () => {
  it.each([
    { name: "starts at the default", steps: [], load: 30 },
    { name: "decays to 1/e over the decay time", steps: [{ afterMs: 10_000 }], load: 11.036_383 },
    { name: "jumps to a peak at once", steps: [{ afterMs: 0, rttMs: 200 }], load: 200 },
    {
      name: "blends in what is lower, by the time that has passed",
      // 200/e + 20 * (1 - 1/e)
      steps: [
        { afterMs: 0, rttMs: 200 },
        { afterMs: 10_000, rttMs: 20 },
      ],
      load: 86.218_299,
    },
  ])("$name", ({ steps, load }) => {
    let nowMs = 5000;
    const rtt = new PeakEwma({ defaultRttMs: 30, decayMs: 10_000 }, nowMs);
    for (const step of steps) {
      nowMs += step.afterMs;
      if ("rttMs" in step) rtt.record(step.rttMs, nowMs);
    }
    expect(rtt.load(0, nowMs)).toBeCloseTo(load, 5);
    expect(rtt.load(2, nowMs)).toBeCloseTo(3 * load, 5);
  });
});
