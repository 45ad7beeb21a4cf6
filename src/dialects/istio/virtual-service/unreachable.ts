import type { Spec } from "../spec.ts";

/**
 * IST0130 and IST0131: rules and matches that an earlier one leaves nothing for, found the way
 * Istio finds them: equal matches, and URI prefixes of which one begins with the other.
 */
export function reportUnreachable(rules: readonly Spec[]): void {
  const seen = new Map<string, string>();
  const prefixes: PrefixMatch[] = [];
  let catchAll = false;
  for (const [index, rule] of rules.entries()) {
    const matches = rule.at("match").items();
    const name = nameOf(rule, index);
    if (matches.length === 0) {
      if (catchAll) unreachable(rule, name, "only the last rule can have no matches");
      catchAll = true;
      continue;
    }
    const duplicates = matches.filter((match, number) => {
      const earlier = seen.get(keyOf(match));
      if (earlier !== undefined) {
        ineffective(match, name, nameOf(match, number), earlier);
        return true;
      }
      seen.set(keyOf(match), name);
      const prefix = match.at("uri").at("prefix").text() ?? "";
      if (prefix !== "") prefixes.push({ match, rule: name, name: nameOf(match, number), prefix });
      return false;
    });
    if (duplicates.length === matches.length) {
      unreachable(rule, name, "all matches used by prior rules");
    }
  }
  reportOverlaps(prefixes);
}

interface PrefixMatch {
  readonly match: Spec;
  readonly rule: string;
  readonly name: string;
  readonly prefix: string;
}

function reportOverlaps(prefixes: readonly PrefixMatch[]): void {
  for (const [index, earlier] of prefixes.entries()) {
    for (const later of prefixes.slice(index + 1)) {
      if (earlier.prefix === later.prefix || !covers(earlier, later)) continue;
      ineffective(
        later.match,
        later.rule,
        `${later.name} of prefix ${later.prefix}`,
        `${earlier.name} of prefix ${earlier.prefix} on ${earlier.rule}`,
      );
    }
  }
}

function covers(earlier: PrefixMatch, later: PrefixMatch): boolean {
  if (!later.prefix.startsWith(earlier.prefix)) return false;
  const [one, other] = [earlier.match, later.match];
  return (
    (one.at("port").count() ?? 0) === (other.at("port").count() ?? 0) &&
    // A match without method is compared as GET, as Istio does.
    textOf(one.at("method"), "exact GET").startsWith(textOf(other.at("method"), "exact GET")) &&
    textOf(one.at("authority")).startsWith(textOf(other.at("authority"))) &&
    ["headers", "queryParams", "withoutHeaders"].every((field) =>
      mapsCover(one.at(field), other.at(field)),
    )
  );
}

function mapsCover(one: Spec, other: Spec): boolean {
  const [ours, theirs] = [one.entries(), new Map(other.entries())];
  if (ours.length !== theirs.size) return false;
  return ours.every(([key, value]) => {
    const their = theirs.get(key);
    return their !== undefined && textOf(value).startsWith(textOf(their));
  });
}

function textOf(match: Spec, otherwise = ""): string {
  const [exact, prefix] = [match.at("exact").text(), match.at("prefix").text()];
  if (exact) return `exact ${exact}`;
  return prefix ? `prefix ${prefix}` : otherwise;
}

/** The whole match but its name, which has no effect, in an order of its own. */
function keyOf(match: Spec): string {
  const value = match.json();
  return JSON.stringify(value, (key, inner: unknown) => {
    if (key === "name" && inner === (value as { name?: unknown }).name) return undefined;
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([one], [two]) => (one < two ? -1 : 1)));
  });
}

function nameOf(node: Spec, index: number): string {
  const name = node.at("name").text() ?? "";
  return name === "" ? `#${index}` : `"${name}"`;
}

function unreachable(rule: Spec, name: string, reason: string): void {
  rule.report("warning", "IST0130", `VirtualService rule ${name} not used (${reason}).`);
}

function ineffective(match: Spec, rule: string, name: string, earlier: string): void {
  match.report(
    "info",
    "IST0131",
    `VirtualService rule ${rule} match ${name} is not used ` +
      `(duplicate/overlapping match in rule ${earlier}).`,
  );
}
