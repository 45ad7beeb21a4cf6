import { describe, expect, it } from "vitest";
import { EVERY_HOST, DetectorScene as Scene } from "../../../test/support/detector-scene.ts";

describe("a sweep over success rates", () => {
  const RATES = { ...EVERY_HOST, consecutive5xx: 0, successRateRequestVolume: 10 };

  /** So many of each ten succeed. */
  function load(scene: Scene, succeeded: readonly number[]): void {
    for (const [host, count] of succeeded.entries()) {
      scene.answers(host, 200, count);
      scene.answers(host, 500, 10 - count);
    }
    scene.clock.advance(10_000);
  }

  it("ejects who is 1.9 standard deviations below the mean", () => {
    // Envoy's own example: of 50, 100, 100, 100, 100 the threshold is 90 - 1.9 * 20.
    const scene = new Scene(5, RATES);
    load(scene, [5, 10, 10, 10, 10]);
    expect(scene.log).toEqual(["-0 success_rate"]);
    expect(scene.detector.thresholds.external).toEqual({ mean: 90, threshold: 52 });
    expect(scene.suspect(0).rates.external).toBe(50);
    expect(scene.counted).toEqual({
      active: 1,
      enforced_total: 1,
      detected_success_rate: 1,
      enforced_success_rate: 1,
      success_rate: 1,
      total: 1,
    });
  });

  it("needs enough hosts with enough to do", () => {
    const few = new Scene(4, RATES);
    load(few, [0, 10, 10, 10]);
    expect(few.log).toEqual([]);
    const idle = new Scene(6, { ...RATES, successRateRequestVolume: 11 });
    load(idle, [0, 10, 10, 10, 10, 10]);
    expect(idle.log).toEqual([]);
    expect(idle.detector.thresholds.external).toEqual({ mean: -1, threshold: -1 });
  });

  it("looks at the last interval alone", () => {
    const scene = new Scene(5, { ...RATES, successRateRequestVolume: 11 });
    load(scene, [0, 10, 10, 10, 10]);
    load(scene, [0, 10, 10, 10, 10]);
    expect(scene.log).toEqual([]);
  });

  it("leaves out who is out", () => {
    const scene = new Scene(5, { ...RATES, consecutive5xx: 5, successRateMinimumHosts: 4 });
    load(scene, [0, 10, 10, 10, 10]);
    expect(scene.log).toEqual(["-0 consecutive_5xx"]);
    expect(scene.detector.thresholds.external).toEqual({ mean: 100, threshold: 100 });
    expect(scene.suspect(0).rates.external).toBe(-1);
  });

  it("ejects by the percentage of failures, where that is enforced", () => {
    const percentage = { failurePercentageRequestVolume: 10, enforcingFailurePercentage: 100 };
    const scene = new Scene(5, { ...RATES, ...percentage, enforcingSuccessRate: 0 });
    load(scene, [1, 2, 10, 10, 10]);
    expect(scene.log).toEqual(["-0 failure_percentage"]);
    expect(scene.counted).toMatchObject({
      detected_failure_percentage: 1,
      enforced_failure_percentage: 1,
    });
  });

  it("judges reaching hosts apart, where errors are split", () => {
    const scene = new Scene(5, { ...RATES, splitExternalLocalOriginErrors: true });
    for (let host = 0; host < 5; host++) {
      for (let i = 0; i < 20; i++) {
        if (host === 0 && i < 10) scene.monitor(host).onReset();
        scene.answers(host, 200);
      }
    }
    scene.clock.advance(10_000);
    expect(scene.log).toEqual(["-0 local_origin_success_rate"]);
    expect(scene.counted).toMatchObject({ enforced_local_origin_success_rate: 1 });
  });
});

describe("a sweep over many hosts", () => {
  const HOSTS = 500;

  /** All of them are out; their time is over, and reading the clock takes a while. */
  function scene(): Scene {
    const scene = new Scene(HOSTS, { ...EVERY_HOST, consecutive5xx: 1 });
    for (let host = 0; host < HOSTS; host++) scene.answers(host, 500);
    scene.clock.advance(29_999);
    let nowMs = 30_000;
    scene.clock.now = () => nowMs++;
    scene.clock.advance(1);
    return scene;
  }

  const turn = () => new Promise((later) => setImmediate(later));

  it("lets others have their turn, and reaches all", async () => {
    const swept = scene();
    let before = swept.out.length;
    expect(before).toBeGreaterThan(HOSTS / 2);
    while (swept.out.length > 0) {
      await turn();
      expect(before - swept.out.length).toBeLessThan(10);
      before = swept.out.length;
    }
    expect(swept.counted.active).toBeUndefined();
  });

  it("ends with its cluster", async () => {
    const swept = scene();
    swept.detector.stop();
    const { log } = swept;
    const { length } = log;
    for (let i = 0; i < 10; i++) await turn();
    swept.clock.advance(100_000);
    expect(log).toHaveLength(length);
    expect(swept.counted.active).toBeUndefined();
  });

  it("passes by who has left meanwhile", async () => {
    const swept = scene();
    for (let host = 0; host < HOSTS; host++) swept.remove(host);
    for (let i = 0; i < 10; i++) await turn();
    expect(swept.counted.active).toBeUndefined();
  });
});
