import type { Random } from "../../base/random.ts";
import { LeastRequest } from "./least-request.ts";
import { RandomChoice } from "./random-choice.ts";
import { RoundRobin } from "./round-robin.ts";
import { WeightedChoice } from "./weighted-choice.ts";

/** What balancing knows of a host. */
export interface Candidate {
  readonly weight: number;
  /** Requests in flight to it. */
  readonly activeRequests: number;
}

/** Chooses one of the hosts that it was made for. Made anew when the hosts change. */
export interface Balancer<T extends Candidate> {
  pick(): T;
}

/** A balancing policy as data. */
export interface BalancePolicy {
  readonly policy: "roundRobin" | "leastRequest" | "random";
  /** LEAST_REQUEST: how many draws. */
  readonly choiceCount: number;
}

/** Envoy's choice: with equal weights the policy itself, with unequal ones a weighted schedule. */
export function createBalancer<T extends Candidate>(
  { policy, choiceCount }: BalancePolicy,
  hosts: readonly [T, ...T[]],
  random: Random,
): Balancer<T> {
  const equal = hosts.every((host) => host.weight === hosts[0].weight);
  if (policy === "random") return new RandomChoice(hosts, random);
  if (policy === "roundRobin" && equal) return new RoundRobin(hosts, random);
  if (policy === "leastRequest" && equal) return new LeastRequest(hosts, random, choiceCount);
  return new WeightedChoice(hosts, random, policy === "leastRequest");
}
