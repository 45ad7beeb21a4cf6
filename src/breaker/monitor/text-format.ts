/** `Content-Type` of Prometheus' text format. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export type Labels = readonly (readonly [name: string, value: string])[];

/** Families of metrics in Prometheus' text format 0.0.4, one after the other. */
export class TextFormat {
  #text = "";

  /** Begins a family; its samples follow. */
  family(name: string, kind: "counter" | "gauge" | "histogram", help: string): void {
    this.#text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${kind}\n`;
  }

  sample(name: string, labels: Labels, value: number): void {
    const text = labels.map(([key, label]) => `${key}="${escapeLabel(label)}"`).join(",");
    this.#text += `${name}${text === "" ? "" : `{${text}}`} ${formatValue(value)}\n`;
  }

  toString(): string {
    return this.#text;
  }
}

function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

function escapeHelp(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(value: string): string {
  // Lone surrogates cannot be written in UTF-8.
  return escapeHelp(value.toWellFormed()).replaceAll('"', '\\"');
}
