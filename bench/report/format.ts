/** Tables for a terminal or as Markdown: the first line is the head, numbers stand right. */

export type Lines = readonly (readonly string[])[];

export interface Format {
  title(text: string): string;
  heading(text: string): string;
  /** @param leftColumns So many stand left. */
  table(lines: Lines, leftColumns: number): string;
  remarks(lines: readonly string[]): string;
}

export const TEXT: Format = {
  title: (text) => text,
  heading: (text) => `== ${text}`,
  table: (lines, leftColumns) => {
    const widths = (lines[0] ?? []).map((_, column) =>
      Math.max(...lines.map((line) => (line[column] ?? "").length)),
    );
    const pad = (cell: string, column: number): string =>
      column < leftColumns ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
    return lines.map((line) => line.map(pad).join("  ").trimEnd()).join("\n");
  },
  remarks: (lines) => lines.join("\n"),
};

export const MARKDOWN: Format = {
  title: (text) => `# ${text}`,
  heading: (text) => `## ${text}`,
  table: ([head = [], ...rows], leftColumns) => {
    const rule = head.map((_, column) => (column < leftColumns ? "---" : "---:"));
    return [head, rule, ...rows].map((line) => `| ${line.join(" | ")} |`).join("\n");
  },
  remarks: (lines) => lines.map((line) => `- ${line}`).join("\n"),
};
