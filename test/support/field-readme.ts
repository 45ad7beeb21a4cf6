import type { FieldTable } from "../../src/dialects/kubernetes/field-table.ts";

/** `| name | executed | accepted | reported | refused |`, each a list of fields. */
export function readmeRow(name: string, table: FieldTable): string {
  const cells = (["executed", "accepted", "reported", "refused"] as const).map((fate) =>
    Object.keys(table)
      .filter((field) => table[field] === fate)
      .sort()
      .join(", "),
  );
  return `| \`${name}\` | ${cells.join(" | ")} |`
    .replaceAll("|  |", "| |")
    .replaceAll("|  |", "| |");
}
