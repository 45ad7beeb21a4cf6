/**
 * One finding about somebody's configuration: where it is, what stands there, what is allowed.
 * A diagnostic is data; printing it is the door's work.
 */

/** Where a piece of configuration was written. Lines and columns count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type Severity = "error" | "warning" | "info";

export interface Diagnostic {
  /** Istio's `IST0xxx`, Kiali's `KIA0xxx` where one exists, else ours: `OUT0xxx`. */
  readonly code: string;
  readonly severity: Severity;
  /** One plain sentence, without the position. */
  readonly message: string;
  readonly position?: Position | undefined;
  /** The object that it concerns, as `VirtualService default/reviews`. */
  readonly subject?: string | undefined;
  /** The field's path inside the object, as `spec.http[0].route[1].weight`. */
  readonly path?: string | undefined;
  /** What was found there, shortened, as the user wrote it. */
  readonly found?: string | undefined;
  /** What would be allowed there. */
  readonly allowed?: string | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
}

/** True when one of the findings forbids going on. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === "error");
}

/** As a reader goes through the files: in their order, from top to bottom; the placeless first. */
export function inReadingOrder(
  diagnostics: readonly Diagnostic[],
  files: readonly string[],
): readonly Diagnostic[] {
  const order = new Map(files.map((file, index) => [file, index]));
  const fileOf = ({ position }: Diagnostic): number =>
    position === undefined ? -1 : (order.get(position.file) ?? files.length);
  return diagnostics.toSorted(
    (left, right) =>
      fileOf(left) - fileOf(right) ||
      (left.position?.line ?? 0) - (right.position?.line ?? 0) ||
      (left.position?.column ?? 0) - (right.position?.column ?? 0),
  );
}

/** `deploy/reviews.yaml:12:5` or the file alone, or an empty string. */
export function formatPosition(position: Position | undefined): string {
  if (position === undefined) return "";
  return `${position.file}:${position.line}:${position.column}`;
}

/** One finding as the lines that a terminal shows, without colour. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const position = formatPosition(diagnostic.position);
  const where = position === "" ? "" : `${position}: `;
  const lines = [`${where}${diagnostic.severity} ${diagnostic.code}: ${diagnostic.message}`];
  const at = [diagnostic.subject, diagnostic.path].filter((part) => part !== undefined).join(" ");
  if (at !== "") lines.push(`    at       ${at}`);
  if (diagnostic.found !== undefined) lines.push(`    found    ${diagnostic.found}`);
  if (diagnostic.allowed !== undefined) lines.push(`    allowed  ${diagnostic.allowed}`);
  if (diagnostic.hint !== undefined) lines.push(`    hint     ${diagnostic.hint}`);
  return lines.join("\n");
}
