import type { CidrRange, FilterChain, FilterChainMatch } from "../../../model/listener.ts";

/**
 * Chains that no two match the same connection alike: Envoy refuses a listener that has such. Each
 * name at each range of addresses stays with the first chain that has it, as rules are meant; a
 * chain that nothing is left of goes.
 */
export function distinctMatches(chains: readonly FilterChain[]): readonly FilterChain[] {
  const taken = new Set<string>();
  return chains.flatMap((chain) => {
    if (chain.match.applicationProtocols.length > 0) return [chain];
    return freeMatches(chain.match, taken).map((match, index) => {
      return { ...chain, match, name: index === 0 ? chain.name : `${chain.name}-${index}` };
    });
  });
}

/** Mostly the match as it is; several where its ranges have different names left. */
function freeMatches(match: FilterChainMatch, taken: Set<string>): readonly FilterChainMatch[] {
  const ranges = match.prefixRanges.length === 0 ? [undefined] : match.prefixRanges;
  const names = match.serverNames.length === 0 ? [""] : match.serverNames;
  const left = ranges.map((range) => {
    return { range, names: names.filter((name) => take(keyOf(match, range, name), taken)) };
  });
  const alike = Map.groupBy(
    left.filter((each) => each.names.length > 0),
    (each) => each.names.join(" "),
  );
  return [...alike.values()].map((group) => ({
    ...match,
    prefixRanges: group.flatMap(({ range }) => range ?? []),
    serverNames: (group[0]?.names ?? []).filter((name) => name !== ""),
  }));
}

function keyOf(match: FilterChainMatch, range: CidrRange | undefined, name: string): string {
  const others = { ...match, prefixRanges: undefined, serverNames: undefined };
  const place = range === undefined ? "" : `${range.address}/${range.prefixLength}`;
  return `${place} ${name} ${JSON.stringify(others)}`;
}

function take(key: string, taken: Set<string>): boolean {
  if (taken.has(key)) return false;
  taken.add(key);
  return true;
}
