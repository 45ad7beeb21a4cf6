/** One sample of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPE = /\\(.)/g;

/** The samples of these families in Prometheus' text format 0.0.4; other lines are passed over. */
export function samplesOf(text: string, families: ReadonlySet<string>): readonly Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const brace = line.indexOf("{");
    const end = brace < 0 ? line.indexOf(" ") : line.lastIndexOf("}");
    const name = line.slice(0, brace < 0 ? end : brace);
    if (end < 0 || !families.has(name)) continue;
    const value = Number(
      line
        .slice(end + 1)
        .trim()
        .split(" ")[0],
    );
    const labels = brace < 0 ? {} : labelsOf(line.slice(brace + 1, end));
    if (!Number.isNaN(value)) samples.push({ name, labels, value });
  }
  return samples;
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(LABEL)) {
    labels[name] = value.replace(ESCAPE, (_, escaped: string) =>
      escaped === "n" ? "\n" : escaped,
    );
  }
  return labels;
}
