import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { stringify } from "yaml";
import { type Diagnostic, formatDiagnostic } from "../../src/base/diagnostic.ts";
import { ENVOY_BALANCING } from "../../src/model/balance/balancing.ts";
import { NO_FILTER_CONFIGS } from "../../src/model/filter/filter-configs.ts";
import { DNS_DEFAULTS } from "../../src/model/upstream/dns.ts";

export interface GoldenCase {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  /** For `toMatchFileSnapshot`. */
  readonly golden: string;
}

/** `NAME.yaml` with its `NAME.golden.yaml`, for every NAME of a folder. */
export function goldenCases(folder: string): GoldenCase[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".yaml") && !file.endsWith(".golden.yaml"))
    .map((file) => ({
      name: file.slice(0, -".yaml".length),
      file,
      text: readFileSync(join(folder, file), "utf8"),
      golden: join(folder, file.replace(/\.yaml$/, ".golden.yaml")),
    }));
}

/** A result as a reviewer reads it: origins as `line path`, diagnostics as the terminal shows. */
export function showGolden(result: Readonly<Record<string, unknown>>): string {
  const { diagnostics, ...rest } = result;
  const shown = JSON.parse(JSON.stringify(rest, shorten));
  const findings = (diagnostics as readonly Diagnostic[]).map(formatDiagnostic);
  return stringify(
    { ...shown, diagnostics: findings },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}

/** What says nothing that is not said everywhere. */
const DEFAULTS: readonly object[] = [DNS_DEFAULTS, ENVOY_BALANCING, NO_FILTER_CONFIGS];

/** Empty lists and defaults would bury what a case is about. */
function shorten(key: string, value: unknown): unknown {
  if (Array.isArray(value) && value.length === 0) return undefined;
  if (value === "" || value === false) return undefined;
  if (isEmptyMutations(value) || DEFAULTS.some((usual) => isDeepStrictEqual(usual, value))) {
    return undefined;
  }
  if (key !== "origin" || value === undefined) return value;
  const { position, path } = value as { position: { line: number }; path: string };
  return `line ${position.line} ${path}`.trim();
}

function isEmptyMutations(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { set, remove, ...rest } = value as { set?: unknown[]; remove?: unknown[] };
  return set?.length === 0 && remove?.length === 0 && Object.keys(rest).length === 0;
}
