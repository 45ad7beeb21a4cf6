import { describe, expect, it } from "vitest";
import {
  type Case,
  DEGRADED,
  DOWN,
  EVENLY,
  hostOf,
  many,
  PICKS,
  priorities,
  Scene,
  spill,
} from "../../../../test/support/balance-scene.ts";
import { VirtualClock } from "../../../base/clock.ts";
import { SeededRandom } from "../../../base/random.ts";
import { ENVOY_BALANCING } from "../../../model/balance/balancing.ts";
import { buildChoice } from "../priority/build-choice.ts";
import { Hash64 } from "./hash64.ts";
import { MersenneTwister } from "./mersenne-twister.ts";

describe.each(["ringHash", "maglev"] as const)("%s", (policy) => {
  /** Shares of a ring are near the weights, not equal to them. */
  function near(one: Omit<Case, "policy">, shares: readonly number[], tolerance = 0.06): void {
    const counts = new Scene({ policy, ...one }).counts(PICKS);
    for (const [i, share] of shares.entries()) {
      const measured = (counts[i] ?? 0) / PICKS;
      expect(Math.abs(measured - share), `host ${i}: ${measured}`).toBeLessThanOrEqual(
        share === 0 ? 0 : tolerance,
      );
    }
  }

  it("spreads by weight", () => {
    near({ hosts: [{ weight: 1 }, { weight: 3 }] }, [0.25, 0.75]);
  });

  it("spills over to the next priority by hash", () => {
    near({ hosts: priorities(2, 4) }, spill(70, 2, 4));
  });

  it("uses everybody in a panic", () => {
    near({ hosts: [{}, DOWN, DOWN, DOWN] }, EVENLY);
  });

  it("weighs localities, however many hosts they have", () => {
    const hosts = [
      { locality: "a", localityWeight: 1 },
      { locality: "b", localityWeight: 3 },
      { locality: "b", localityWeight: 3 },
      { locality: "c", localityWeight: 0 },
    ];
    near({ hosts, options: { localityWeighted: true } }, [0.25, 0.375, 0.375, 0]);
  });

  it("has no degraded hosts, as Envoy", () => {
    expect(new Scene({ policy, hosts: [DEGRADED, DEGRADED] }).pick()).toBeUndefined();
  });

  it("keeps most hashes where they were when a host goes", () => {
    const hash = new Hash64();
    const random = new SeededRandom(3);
    const whole = new Scene({ policy, hosts: many(10) });
    const rest = new Scene({ policy, hosts: [...many(9), DOWN] });
    let moved = 0;
    for (let i = 0; i < 2000; i++) {
      hash.set(random.below(2 ** 32), random.below(2 ** 32));
      const before = whole.built.choice?.pick(hash, 0)?.name;
      const after = rest.built.choice?.pick(hash, 0)?.name;
      if (before !== 9 && before !== after) moved++;
      expect(after).not.toBe(9);
    }
    expect(moved / 2000).toBeLessThan(0.1);
  });

  it("takes other hosts for further attempts", () => {
    const scene = new Scene({ policy, hosts: many(8) });
    const hash = new Hash64();
    hash.set(77, 5);
    const names = Array.from({ length: 24 }, (_, i) => scene.built.choice?.pick(hash, i)?.name);
    expect(new Set(names).size).toBeGreaterThan(4);
  });

  it("bounds the load of a host", () => {
    const scene = new Scene({ policy, hosts: many(4), options: { hashBalanceFactor: 150 } });
    const hash = new Hash64();
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 40; i++) {
      const host = scene.built.choice?.pick(hash, 0);
      if (host === undefined) throw new Error("nobody");
      host.activeRequests++;
      counts[host.name] = (counts[host.name] ?? 0) + 1;
      // 150 percent of the average, this request counted, rounded up.
      expect(host.activeRequests).toBeLessThanOrEqual(Math.ceil(((i + 1) * 1.5 + 1) / 4) + 1);
    }
    expect(Math.max(...counts)).toBeGreaterThan(12);
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(2);
  });

  it("builds ten thousand hosts in slices", () => {
    const placed = Array.from({ length: 10_000 }, (_, name) => ({
      host: hostOf({}, name, 0),
      priority: 0,
      locality: { key: "", weight: 0 },
    }));
    const settings = {
      policy,
      choiceCount: 2,
      options: ENVOY_BALANCING,
      panicThreshold: 50,
      overprovisioningFactor: 140,
    };
    const context = { clock: new VirtualClock(), random: new SeededRandom(1) };
    const steps = buildChoice(placed, settings, context);
    let slices = 0;
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) slices++;
    expect(slices).toBeGreaterThan(100);
    expect(step.value.sizes?.minPerHost).toBeGreaterThan(0);
  });
});

it("MT19937 draws what the seed decides (C++: the 10000th of the default seed)", () => {
  const random = new MersenneTwister();
  random.seed(5489);
  for (let i = 0; i < 9999; i++) random.next();
  expect(random.next()).toBe(4_123_659_995);
});
