import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ProxySetup, startSetup } from "../../../test/support/proxy-setup.ts";
import { assignment, edsCluster } from "../../../test/support/sample-snapshot.ts";
import type { ClusterLoadAssignment } from "../../model/endpoint.ts";
import type { ClusterSet } from "./cluster-set.ts";

let setup: ProxySetup;
let set: ClusterSet;

beforeEach(async () => {
  setup = await startSetup([], []);
  set = setup.proxy.dataPlane.clusters;
});

afterEach(() => setup.stop());

function ports(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 1000 + index);
}

/** How many pieces it was cut into. */
function swapIn(...assignments: readonly ClusterLoadAssignment[]): number {
  const steps = set.prepare([edsCluster("a")], assignments);
  let pieces = 0;
  for (let step = steps.next(); ; step = steps.next()) {
    pieces++;
    if (step.done !== true) continue;
    step.value();
    return pieces;
  }
}

const hosts = (): number => set.clusters.find(({ name }) => name === "a")?.hosts.length ?? -1;

describe("many endpoints", () => {
  it("are prepared one by one, and swapped in at once", () => {
    swapIn(assignment("a", ports(10)));
    const steps = set.prepare([edsCluster("a")], [assignment("a", ports(500))]);
    let pieces = 0;
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) {
      pieces++;
      expect(hosts()).toBe(10);
    }
    expect(pieces).toBeGreaterThan(500);
    step.value();
    expect(hosts()).toBe(500);
  });

  it("cost nothing where they are the ones that are there", () => {
    swapIn(assignment("a", ports(500)));
    expect(swapIn(assignment("a", ports(500)))).toBeLessThan(5);
    expect(setup.stat("a", "update_no_rebuild")).toBe(1);
  });

  it("share what metrics say of their workload", () => {
    swapIn(assignment("a", ports(2)));
    const [one, other] = set.clusters.find(({ name }) => name === "a")?.hosts ?? [];
    expect(one?.outbound).toBe(other?.outbound);
    expect(one?.outbound).not.toBe(one?.inbound);
  });
});

it("keeps a cluster that is to go until everything else is prepared", () => {
  swapIn(assignment("a", ports(1)));
  const steps = set.prepare([edsCluster("b")], [assignment("b", ports(3))]);
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) expect(hosts()).toBe(1);
  step.value();
  expect(hosts()).toBe(-1);
});
