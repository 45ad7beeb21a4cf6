import { describe, expect, it } from "vitest";
import { HostHealth } from "./host-health.ts";
import type { CheckOutcome } from "./probe/outcome.ts";

const THRESHOLDS = { unhealthyThreshold: 2, healthyThreshold: 3 };

/** What is known of the host after each check: `+` healthy, `-` not, `t` not: no answer came. */
function course(...outcomes: readonly CheckOutcome[]): string {
  const health = new HostHealth(THRESHOLDS);
  return outcomes
    .map((outcome) => {
      health.note(outcome);
      return health.healthy ? "+" : health.timedOut ? "t" : "-";
    })
    .join("");
}

describe("a host", () => {
  it("is unhealthy before its first check", () => {
    expect(new HostHealth(THRESHOLDS).healthy).toBe(false);
  });

  it("is healthy as soon as its very first check succeeds", () => {
    expect(course("healthy")).toBe("+");
  });

  it("takes as many successes as configured to come back", () => {
    expect(course("unhealthy", "healthy", "healthy", "healthy")).toBe("---+");
  });

  it("begins anew to count successes after a failure", () => {
    expect(course("network", "healthy", "healthy", "network", "healthy", "healthy")).toBe("------");
  });

  it("is out at once when it says that it does not serve", () => {
    expect(course("healthy", "unhealthy")).toBe("+-");
  });

  it("takes as many failures as configured when it does not answer", () => {
    expect(course("healthy", "network", "timeout")).toBe("++t");
  });

  it("begins anew to count failures after a success", () => {
    expect(course("healthy", "network", "healthy", "network", "network")).toBe("++++-");
  });

  it("takes as many failures as configured where an answer only counts", () => {
    expect(course("healthy", "retriable", "retriable")).toBe("++-");
  });

  it("is there, though it would rather not be asked", () => {
    const health = new HostHealth(THRESHOLDS);
    health.note("degraded");
    expect(health).toMatchObject({ healthy: true, degraded: true, turning: false });
    health.note("network");
    expect(health).toMatchObject({ healthy: true, degraded: true, turning: true });
    health.note("healthy");
    expect(health).toMatchObject({ healthy: true, degraded: false, turning: false });
  });

  it("is known to time out as long as it does, and is out", () => {
    expect(course("healthy", "timeout", "timeout", "network", "timeout")).toBe("++t-t");
  });
});
