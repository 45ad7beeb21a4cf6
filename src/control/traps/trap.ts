import type { Diagnostic } from "../../base/diagnostic.ts";
import { type Origin, subjectOf } from "../../model/origin.ts";

/** What a trap says beside its place: what happens and why, and what to do instead. */
export interface Trap {
  readonly code: string;
  readonly severity?: "warning" | "info";
  readonly message: string;
  readonly found?: string;
  readonly allowed?: string;
  readonly hint: string;
}

/** Legal configuration that does not do what its author most likely meant. */
export function trapAt(origin: Origin, { severity = "warning", ...trap }: Trap): Diagnostic {
  const { path, position } = origin;
  const place = { position, subject: subjectOf(origin), path: path === "" ? undefined : path };
  return { ...place, ...trap, severity };
}
