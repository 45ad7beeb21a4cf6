/** Longer label values are cut: an identity or a cluster name fits, an attack does not. */
export const LABEL_VALUE_CHARS_MAX = 512;

const SPECIAL = /[\\"\n]/g;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

/** A value as the text format writes it between quotes (Prometheus text format 0.0.4). */
export function escapeLabelValue(value: string): string {
  const bounded = value.length > LABEL_VALUE_CHARS_MAX ? cut(value) : value;
  return bounded.toWellFormed().replace(SPECIAL, (character) => ESCAPES[character] ?? character);
}

/** `a="1",b="2"`, in the order of the names; values beyond the names are ignored. */
export function formatLabels(names: readonly string[], values: readonly string[]): string {
  return names.map((name, i) => `${name}="${escapeLabelValue(values[i] ?? "")}"`).join(",");
}

/** Help text on one line. */
export function escapeHelp(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function cut(value: string): string {
  return `${value.slice(0, LABEL_VALUE_CHARS_MAX - 1)}…`;
}
