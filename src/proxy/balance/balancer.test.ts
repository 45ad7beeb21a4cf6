import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../base/random.ts";
import { type BalancePolicy, type Candidate, createBalancer } from "./balancer.ts";

interface Host extends Candidate {
  readonly name: string;
  activeRequests: number;
}

function hostsOf(weights: readonly [number, ...number[]]): [Host, ...Host[]] {
  const [first, ...rest] = weights.map((weight, i) => ({
    name: `h${i}`,
    weight,
    activeRequests: 0,
  }));
  if (first === undefined) throw new Error("no hosts");
  return [first, ...rest];
}

function shares(policy: BalancePolicy, hosts: [Host, ...Host[]], picks: number): number[] {
  const balancer = createBalancer(policy, hosts, new SeededRandom(1));
  const counts = new Map<Host, number>();
  for (let i = 0; i < picks; i++) {
    const host = balancer.pick();
    counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  return hosts.map((host) => (counts.get(host) ?? 0) / picks);
}

const POLICIES = (["roundRobin", "leastRequest", "random"] as const).map((policy) => ({
  policy,
  choiceCount: 2,
}));

describe.each(POLICIES)("$policy", (policy) => {
  it("spreads evenly over equal hosts", () => {
    for (const share of shares(policy, hostsOf([1, 1, 1, 1]), 40_000)) {
      expect(share).toBeCloseTo(0.25, 2);
    }
  });

  it("serves a single host", () => {
    expect(shares(policy, hostsOf([7]), 10)).toEqual([1]);
  });
});

it.each(["roundRobin", "leastRequest"] as const)("%s follows unequal weights", (policy) => {
  const measured = shares({ policy, choiceCount: 2 }, hostsOf([1, 3, 6]), 10_000);
  [0.1, 0.3, 0.6].forEach((share, i) => {
    expect(measured[i]).toBeCloseTo(share, 2);
  });
});

it("ROUND_ROBIN visits every host once a round", () => {
  const balancer = createBalancer(
    { policy: "roundRobin", choiceCount: 2 },
    hostsOf([1, 1, 1]),
    new SeededRandom(5),
  );
  const round = [balancer.pick(), balancer.pick(), balancer.pick()].map((host) => host.name);
  expect(round.toSorted()).toEqual(["h0", "h1", "h2"]);
});

it("LEAST_REQUEST picks the busier of two hosts a quarter of the time", () => {
  const hosts = hostsOf([1, 1]);
  hosts[0].activeRequests = 5;
  const [busy] = shares({ policy: "leastRequest", choiceCount: 2 }, hosts, 40_000);
  expect(busy).toBeCloseTo(0.25, 2);
});

it("LEAST_REQUEST with unequal weights avoids hosts with requests in flight", () => {
  const hosts = hostsOf([1, 2]);
  (hosts[1] as Host).activeRequests = 3;
  const [, busy] = shares({ policy: "leastRequest", choiceCount: 2 }, hosts, 9000);
  expect(busy).toBeCloseTo(1 / 3, 2);
});
