/** One family of a scrape in Prometheus' text format. */
export interface Family {
  readonly type: string;
  /** The sets of label names that its samples have, without `le`; each joined by commas. */
  readonly labelSets: ReadonlySet<string>;
  /** `name{labels}` → value, of counters and gauges, and of histograms' `_count`. */
  readonly samples: ReadonlyMap<string, number>;
}

const SAMPLE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>[^\n]*)\})? (?<value>\S+)$/;
const LABEL = /(\w+)="(?:[^"\\]|\\[\s\S])*"/g;

/** Reads text format 0.0.4, families by name. Throws for a line that is none, or has no TYPE. */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<
    string,
    { type: string; labelSets: Set<string>; samples: Map<string, number> }
  >();
  for (const line of text.split("\n")) {
    const [, , family, type] = line.startsWith("# TYPE ") ? line.split(" ") : [];
    if (family !== undefined && type !== undefined) {
      if (families.has(family)) throw new Error(`${family} comes twice`);
      families.set(family, { type, labelSets: new Set(), samples: new Map() });
    }
    if (line === "" || line.startsWith("#")) continue;
    const { name = "", labels = "", value = "" } = SAMPLE.exec(line)?.groups ?? {};
    const found = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ""));
    if (found === undefined) throw new Error(`no TYPE before: ${line}`);
    const names = [...labels.matchAll(LABEL)].map(([, label]) => label);
    found.labelSets.add(names.filter((label) => label !== "le").join(","));
    if (!/_(?:bucket|sum)$/.test(name)) found.samples.set(`${name}{${labels}}`, Number(value));
  }
  return families;
}
