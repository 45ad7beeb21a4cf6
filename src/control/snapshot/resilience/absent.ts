import type { Diagnostic } from "../../../base/diagnostic.ts";
import { nearestName } from "../../../dialects/kubernetes/field-table.ts";
import { type Origin, subjectOf } from "../../../model/origin.ts";

/**
 * Its findings are errors, and yet none that keeps a mesh from taking over what else has changed: a
 * service that goes before the policy at it must not hold up all the others.
 */
export const ABSENT = "OUT0701";

const SHOWN_MAX = 12;

/** An error at a reference to something that is not there. */
export function absent(
  origin: Origin,
  message: string,
  found: string,
  there: readonly string[],
): Diagnostic {
  const near = nearestName(found, there);
  const more = there.length > SHOWN_MAX ? ` and ${there.length - SHOWN_MAX} more` : "";
  return {
    code: ABSENT,
    severity: "error",
    message,
    position: origin.position,
    subject: subjectOf(origin),
    path: origin.path,
    found,
    allowed:
      there.length === 0 ? "there is none" : `${there.slice(0, SHOWN_MAX).join(", ")}${more}`,
    hint: near === undefined ? undefined : `did you mean ${near}?`,
  };
}
