import { readSources } from "../../control/watch/documents.ts";
import { countOf, findingsJson, findingsOf, findingsText } from "./finding.ts";

/** What commander has read of `check`. */
export interface CheckFlags {
  readonly strict?: boolean;
  readonly envoy?: boolean;
  readonly output?: string;
}

export interface Checked {
  readonly status: number;
  /** For stdout. */
  readonly text: string;
  /** For stderr. */
  readonly problem?: string;
}

const CLEAN = 0;
const DOUBTFUL = 1;
const REFUSED = 2;

/** All that is wrong or not meant in files, and the exit status that it makes. */
export async function check(paths: readonly string[], flags: CheckFlags): Promise<Checked> {
  const { envoy = false, output = "text", strict = false } = flags;
  if (output !== "text" && output !== "json") {
    return { status: REFUSED, text: "", problem: `-o ${output}: text or json` };
  }
  const findings = findingsOf(await readSources(paths), { envoy });
  const text = output === "json" ? findingsJson(findings) : findingsText(findings);
  if (countOf(findings, "error") > 0) return { status: REFUSED, text };
  return { status: strict && countOf(findings, "warning") > 0 ? DOUBTFUL : CLEAN, text };
}
