import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { Registry } from "../../metrics/registry.ts";
import {
  ENVOY_OUTLIER_DETECTION,
  type OutlierDetection,
} from "../../model/upstream/outlier-detection.ts";
import { ClusterStats } from "../telemetry/envoy/cluster-stats.ts";
import { clusterTables } from "../telemetry/envoy/cluster-tables.ts";
import { Detector, type DetectorOwner, type Suspect } from "./detector.ts";
import { HostRecord, recordCells } from "./host-record.ts";
import { OutlierMonitor } from "./outlier-monitor.ts";

const EVERY_HOST = { maxEjectionPercent: 100 };

/** Draws that are always this share of what is possible. */
function drawing(share: number): Random {
  return { next: () => share, below: (bound) => Math.floor(share * bound) };
}

/** A cluster of so many hosts, by numbers. */
class Scene implements DetectorOwner {
  readonly clock = new VirtualClock();
  readonly detector: Detector;
  readonly log: string[] = [];
  readonly #registry = new Registry();
  readonly #suspects: Suspect[] = [];
  readonly #monitors: OutlierMonitor[] = [];

  constructor(hosts: number, config: Partial<OutlierDetection> = {}, random = drawing(0)) {
    const stats = new ClusterStats("c", clusterTables(this.#registry)).outliers();
    const full = { ...ENVOY_OUTLIER_DETECTION, ...config };
    this.detector = new Detector(full, { clock: this.clock, random, stats }, this);
    for (let host = 0; host < hosts; host++) this.add();
  }

  add(): void {
    const record = new HostRecord(recordCells(1, false), 0);
    const suspect = this.detector.add(String(this.#suspects.length), record);
    this.#suspects.push(suspect);
    const owner = {
      onFailuresInARow: (row: Parameters<Detector["onFailuresInARow"]>[1]) =>
        this.detector.onFailuresInARow(suspect, row),
    };
    this.#monitors.push(new OutlierMonitor(record, this.detector.config, owner));
  }

  remove(host: number): void {
    this.detector.remove(this.suspect(host));
  }

  suspect(host: number): Suspect {
    const suspect = this.#suspects[host];
    if (suspect === undefined) throw new Error(`no host ${host}`);
    return suspect;
  }

  monitor(host: number): OutlierMonitor {
    const monitor = this.#monitors[host];
    if (monitor === undefined) throw new Error(`no host ${host}`);
    return monitor;
  }

  /** So many answers of this status; as gRPC status where the third is given. */
  answers(host: number, status: number, times = 1, grpcStatus = -1): void {
    for (let i = 0; i < times; i++) this.monitor(host).onResponse(status, grpcStatus);
  }

  /** Who is out. */
  get out(): number[] {
    return this.#suspects.flatMap(({ ejection }, host) => (ejection.ejected ? [host] : []));
  }

  /** What Envoy's statistics say, of those that are not 0. */
  get counted(): Record<string, number> {
    const counted: Record<string, number> = {};
    for (const table of this.#registry.tables) {
      if (table.name !== "cluster_outlier") continue;
      for (const [i, { stat }] of table.columns.entries()) {
        const value = table.row(["c"]).cells[i] ?? 0;
        if (value !== 0) counted[stat.replace("outlier_detection.ejections_", "")] = value;
      }
    }
    return counted;
  }

  onEjected({ address }: Suspect, kind: string, enforced: boolean): void {
    this.log.push(`${enforced ? "-" : "?"}${address} ${kind}`);
  }

  onReturned({ address }: Suspect): void {
    this.log.push(`+${address}`);
  }

  onSettled(): void {
    // What happened stands in the log.
  }
}

describe("failures in a row", () => {
  it("eject a host at five answers of 5xx", () => {
    const scene = new Scene(10);
    scene.answers(0, 500, 4);
    expect(scene.out).toEqual([]);
    scene.answers(0, 503);
    expect(scene.out).toEqual([0]);
    expect(scene.counted).toEqual({
      active: 1,
      enforced_total: 1,
      detected_consecutive_5xx: 1,
      enforced_consecutive_5xx: 1,
      consecutive_5xx: 1,
      total: 1,
    });
  });

  it("begin anew with any other answer", () => {
    const scene = new Scene(10);
    scene.answers(0, 500, 4);
    scene.answers(0, 404);
    scene.answers(0, 500, 4);
    expect(scene.out).toEqual([]);
  });

  it("never eject where it takes 0 of them", () => {
    const scene = new Scene(10, { consecutive5xx: 0, consecutiveGatewayFailure: 0 });
    scene.answers(0, 503, 100);
    expect(scene.counted).toEqual({});
  });

  it("of the gateway are only detected, unless they are enforced", () => {
    const scene = new Scene(10, { consecutiveGatewayFailure: 2 });
    scene.answers(0, 502);
    scene.answers(0, 504);
    expect(scene.counted).toEqual({ detected_consecutive_gateway_failure: 1 });
    expect(scene.log).toEqual(["?0 consecutive_gateway_failure"]);
    scene.answers(0, 503, 2);
    expect(scene.counted.detected_consecutive_gateway_failure).toBe(2);
  });

  it("of the gateway end with another 5xx", () => {
    const enforced = { consecutiveGatewayFailure: 2, enforcingConsecutiveGatewayFailure: 100 };
    const scene = new Scene(10, enforced);
    scene.answers(0, 502);
    scene.answers(0, 500);
    scene.answers(0, 502);
    expect(scene.out).toEqual([]);
    scene.answers(0, 503);
    expect(scene.log).toEqual(["-0 consecutive_gateway_failure"]);
  });

  it("eject once where two thresholds are reached by one answer", () => {
    const both = { enforcingConsecutiveGatewayFailure: 100, ...EVERY_HOST };
    const scene = new Scene(1, both);
    scene.answers(0, 503, 5);
    expect(scene.counted).toEqual({
      active: 1,
      enforced_total: 1,
      detected_consecutive_gateway_failure: 1,
      enforced_consecutive_gateway_failure: 1,
    });
  });

  it("are those of reaching the host as well", () => {
    const scene = new Scene(10);
    const monitor = scene.monitor(0);
    monitor.onReset();
    monitor.onTimeout();
    monitor.onConnected(false);
    monitor.onCancel();
    monitor.onReset();
    scene.answers(0, 500, 2);
    expect(scene.out).toEqual([0]);
  });

  it("end with a TCP connection", () => {
    const scene = new Scene(10, { consecutive5xx: 2 });
    scene.monitor(0).onReset();
    scene.monitor(0).onConnected(true);
    scene.monitor(0).onReset();
    expect(scene.out).toEqual([]);
  });

  it("are gRPC's as HTTP would say them", () => {
    const scene = new Scene(10, { consecutive5xx: 2, consecutiveGatewayFailure: 2 });
    scene.answers(0, 200, 1, 5);
    scene.answers(0, 200, 1, 14);
    scene.answers(0, 200, 1, 4);
    expect(scene.counted).toMatchObject({
      detected_consecutive_gateway_failure: 1,
      enforced_consecutive_5xx: 1,
    });
  });
});

describe("errors that are split by origin", () => {
  const SPLIT = { splitExternalLocalOriginErrors: true, ...EVERY_HOST };

  it("count apart", () => {
    const scene = new Scene(1, { ...SPLIT, consecutiveLocalOriginFailure: 3 });
    for (let i = 0; i < 2; i++) {
      scene.monitor(0).onReset();
      scene.answers(0, 500);
    }
    scene.monitor(0).onTimeout();
    expect(scene.log).toEqual(["-0 consecutive_local_origin_failure"]);
  });

  it("begin anew with a connection, and with an answer", () => {
    const scene = new Scene(1, { ...SPLIT, consecutiveLocalOriginFailure: 2 });
    scene.monitor(0).onReset();
    scene.monitor(0).onConnected(false);
    scene.monitor(0).onReset();
    scene.answers(0, 200);
    scene.monitor(0).onReset();
    expect(scene.out).toEqual([]);
  });

  it("leave the gateway its own", () => {
    const scene = new Scene(1, { ...SPLIT, consecutiveGatewayFailure: 2, consecutive5xx: 9 });
    scene.answers(0, 500, 2);
    expect(scene.counted).toEqual({});
    scene.answers(0, 503, 2);
    expect(scene.counted).toEqual({ detected_consecutive_gateway_failure: 1 });
  });
});

describe("the most that may be out", () => {
  it("is no host of nine, with Envoy's 10 percent", () => {
    const scene = new Scene(9);
    scene.answers(0, 500, 5);
    expect(scene.out).toEqual([]);
    expect(scene.counted).toEqual({
      overflow: 1,
      detected_consecutive_5xx: 1,
      consecutive_5xx: 1,
    });
  });

  it("is one host all the same, where one may always go", () => {
    const scene = new Scene(9, { alwaysEjectOneHost: true });
    scene.answers(0, 500, 5);
    scene.answers(1, 500, 5);
    expect(scene.out).toEqual([0]);
    expect(scene.counted).toMatchObject({ overflow: 1, active: 1 });
  });

  it("is as many as are whole hosts of the share", () => {
    const scene = new Scene(5, { maxEjectionPercent: 59 });
    for (let host = 0; host < 5; host++) scene.answers(host, 500, 5);
    expect(scene.out).toEqual([0, 1]);
  });

  it("is known anew when hosts come and go", () => {
    const scene = new Scene(2, { maxEjectionPercent: 50 });
    scene.answers(0, 500, 5);
    scene.answers(1, 500, 5);
    expect(scene.out).toEqual([0]);
    scene.remove(0);
    scene.add();
    scene.answers(1, 500, 5);
    expect(scene.out).toEqual([0, 1]);
    expect(scene.counted.active).toBe(1);
  });
});

it("chance decides how many ejections are real", () => {
  const half = { enforcingConsecutive5xx: 50, ...EVERY_HOST };
  const lucky = new Scene(1, half, drawing(0.5));
  lucky.answers(0, 500, 5);
  expect(lucky.log).toEqual(["?0 consecutive_5xx"]);
  const unlucky = new Scene(1, half, drawing(0.49));
  unlucky.answers(0, 500, 5);
  expect(unlucky.log).toEqual(["-0 consecutive_5xx"]);
});

describe("an ejected host", () => {
  it("comes back at the first sweep after its time", () => {
    const scene = new Scene(1, { ...EVERY_HOST, baseEjectionTimeMs: 25_000 });
    scene.clock.advance(1000);
    scene.answers(0, 500, 5);
    scene.clock.advance(28_999);
    expect(scene.out).toEqual([0]);
    scene.clock.advance(1);
    expect(scene.out).toEqual([]);
    expect(scene.log).toEqual(["-0 consecutive_5xx", "+0"]);
    expect(scene.counted.active).toBeUndefined();
  });

  it("is out for a base time longer each time, up to the most", () => {
    const times = { baseEjectionTimeMs: 10_000, maxEjectionTimeMs: 25_000 };
    const scene = new Scene(1, { ...EVERY_HOST, ...times });
    const durations: number[] = [];
    for (let i = 0; i < 5; i++) {
      scene.answers(0, 500, 5);
      durations.push(scene.suspect(0).ejection.durationMs);
      while (scene.out.length > 0) scene.clock.advance(10_000);
    }
    expect(durations).toEqual([10_000, 20_000, 25_000, 25_000, 25_000]);
  });

  it("has one base time less for each interval that it has stayed in", () => {
    const scene = new Scene(1, { ...EVERY_HOST, baseEjectionTimeMs: 10_000 });
    for (let i = 0; i < 3; i++) {
      scene.answers(0, 500, 5);
      while (scene.out.length > 0) scene.clock.advance(10_000);
    }
    scene.clock.advance(20_000);
    scene.answers(0, 500, 5);
    expect(scene.suspect(0).ejection.durationMs).toBe(20_000);
  });

  it("stays out for a random while more", () => {
    const jitter = { ...EVERY_HOST, baseEjectionTimeMs: 10_000, maxEjectionTimeJitterMs: 9000 };
    const scene = new Scene(1, jitter, drawing(0.5));
    scene.answers(0, 500, 5);
    expect(scene.suspect(0).ejection.durationMs).toBe(14_500);
  });

  it("begins anew to count when it comes back", () => {
    const scene = new Scene(1, { ...EVERY_HOST, baseEjectionTimeMs: 10_000 });
    scene.answers(0, 500, 5);
    // In a panic it is asked all the same.
    scene.answers(0, 500, 4);
    scene.clock.advance(10_000);
    scene.answers(0, 500, 4);
    expect(scene.out).toEqual([]);
  });

  it("comes back at once when it passes a health check", () => {
    const scene = new Scene(1, EVERY_HOST);
    scene.answers(0, 500, 5);
    scene.detector.onCheckPassed(scene.suspect(0));
    expect(scene.out).toEqual([]);
    expect(scene.counted.active).toBeUndefined();
  });

  it("does not, where health checks have no say", () => {
    const config = { ...EVERY_HOST, successfulActiveHealthCheckUnejectHost: false };
    const scene = new Scene(1, config);
    scene.answers(0, 500, 5);
    scene.detector.onCheckPassed(scene.suspect(0));
    expect(scene.out).toEqual([0]);
  });

  it("is out no more when its cluster is gone", () => {
    const scene = new Scene(1, EVERY_HOST);
    scene.answers(0, 500, 5);
    scene.detector.stop();
    expect(scene.counted.active).toBeUndefined();
  });
});

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
