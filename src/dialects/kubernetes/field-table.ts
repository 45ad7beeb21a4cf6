/**
 * What becomes of a field that a mapping may have:
 * - `executed`: it changes what the mesh does;
 * - `accepted`: legal, and without consequence for traffic, so nothing is said;
 * - `reported`: legal, and not executed: a warning (OUT0201) where it is set;
 * - `refused`: running without it would be wrong: an error (OUT0202) where it is set.
 */
export type FieldFate = "executed" | "accepted" | "reported" | "refused";

/** Every field of one kind of mapping. The README of each dialect lists its tables. */
export type FieldTable<Name extends string = string> = Readonly<Record<Name, FieldFate>>;

/** Keeps the names in the type, so that reading a field outside the table does not compile. */
export function fieldTable<const Name extends string>(
  fates: Partial<Record<FieldFate, readonly Name[]>>,
): FieldTable<Name> {
  const rows = Object.entries(fates) as [FieldFate, readonly Name[] | undefined][];
  const entries = rows.flatMap(([fate, names]) => (names ?? []).map((name) => [name, fate]));
  return Object.fromEntries(entries) as FieldTable<Name>;
}

/** The known name that a misspelt one most likely meant: at most a third of it is wrong. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.floor(Math.max(3, wanted.length) / 3) + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const substituted = at(row, j - 1) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, at(row, j) + 1, at(next, j - 1) + 1));
    }
    row = next;
  }
  return at(row, right.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
