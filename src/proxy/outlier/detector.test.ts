import { describe, expect, it } from "vitest";
import {
  drawing,
  EVERY_HOST,
  DetectorScene as Scene,
} from "../../../test/support/detector-scene.ts";

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
