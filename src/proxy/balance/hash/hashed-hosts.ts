import type { Candidate } from "../balancer.ts";

/** Hosts and the share of the requests that each shall get. */
export interface HashedHosts<T> {
  readonly hosts: readonly T[];
  /** Host by host; together 1, unless localities have none. */
  readonly shares: Float64Array;
  /** 1 where there is nobody. */
  readonly minShare: number;
  readonly maxShare: number;
}

/** A group of hosts that divide its weight among themselves. */
export interface HashedGroup<T> {
  readonly hosts: readonly T[];
  readonly weight: number;
}

/** Envoy: normalizeWeights. A group without weight has no requests; one without hosts, no share. */
export function shareOut<T extends Candidate>(groups: readonly HashedGroup<T>[]): HashedHosts<T> {
  const weighty = groups.filter(({ weight }) => weight > 0);
  const total = groups.reduce((sum, { weight }) => sum + weight, 0);
  const hosts = weighty.flatMap((group) => [...group.hosts]);
  const shares = new Float64Array(hosts.length);
  let minShare = 1;
  let maxShare = 0;
  let at = 0;
  for (const group of weighty) {
    const inside = group.hosts.reduce((sum, host) => sum + host.weight, 0);
    for (const host of group.hosts) {
      const share = (host.weight * (group.weight / total)) / inside;
      shares[at++] = share;
      minShare = Math.min(minShare, share);
      maxShare = Math.max(maxShare, share);
    }
  }
  return { hosts, shares, minShare, maxShare };
}
