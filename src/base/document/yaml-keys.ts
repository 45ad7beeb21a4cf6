import { type Document, isScalar, visit } from "yaml";

/** A key that its mapping has already, and where it stands: an offset in the text. */
export interface RepeatedKey {
  readonly offset: number;
}

/**
 * Keys that stand twice in a mapping, which YAML forbids (1.2.2, section 3.2.1.3). The library
 * compares every key with every other: a mapping of 200,000 keys keeps it busy for ten minutes.
 * Parse with `uniqueKeys: false`, and ask here, in linear time.
 */
export function repeatedKeys(document: Document): readonly RepeatedKey[] {
  const repeated: RepeatedKey[] = [];
  visit(document, {
    Map: (_, map) => {
      const known = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (known.has(key.value)) repeated.push({ offset: key.range?.[0] ?? 0 });
        known.add(key.value);
      }
    },
  });
  return repeated;
}
