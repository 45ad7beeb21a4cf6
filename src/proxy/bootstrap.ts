import { type Diagnostic, hasErrors } from "../base/diagnostic.ts";
import type { Bootstrap } from "../model/bootstrap.ts";
import {
  type BootstrapDocument,
  decodeBootstrap,
  readBootstrapDocument,
} from "../xds/bootstrap-resource.ts";
import type { Problem } from "../xds/check/place.ts";

/** A field that is not executed (OUT0202), or one whose value is wrong (OUT0106). */
const NOT_EXECUTED = /is not executed|not executed by Outrigger|not spoken/;

/**
 * Reads an Envoy bootstrap, YAML or JSON. `bootstrap` is there only when nothing in the file is
 * wrong or unsupported; else `diagnostics` has all of it, each with its line.
 */
export function readBootstrap(
  text: string,
  file: string,
): { readonly bootstrap?: Bootstrap; readonly diagnostics: readonly Diagnostic[] } {
  const document = readBootstrapDocument(text, file);
  const diagnostics = [...document.diagnostics];
  if (document.message === undefined) return { diagnostics };
  const problems: Problem[] = [];
  const bootstrap = decodeBootstrap(document.message, problems);
  // What could not be read where it stands is missing only because of that.
  const told = new Set(diagnostics.map(({ path }) => path));
  const more = problems.filter(({ path }) => !told.has(path));
  diagnostics.push(...more.map((problem) => diagnosticOf(problem, document)));
  diagnostics.sort(byPosition);
  return hasErrors(diagnostics) ? { diagnostics } : { bootstrap, diagnostics };
}

function diagnosticOf(problem: Problem, document: BootstrapDocument): Diagnostic {
  return {
    code: NOT_EXECUTED.test(problem.message) ? "OUT0202" : "OUT0106",
    severity: "error",
    message: problem.message,
    position: document.positionOf(problem.path),
    path: problem.path,
    found: problem.found,
    allowed: problem.allowed,
  };
}

function byPosition(one: Diagnostic, other: Diagnostic): number {
  const lines = (one.position?.line ?? 0) - (other.position?.line ?? 0);
  return lines !== 0 ? lines : (one.position?.column ?? 0) - (other.position?.column ?? 0);
}
