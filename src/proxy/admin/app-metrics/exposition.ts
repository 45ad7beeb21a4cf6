import { sampleName } from "./sample-line.ts";

/** A family of metrics of somebody else's page. */
export interface ForeignFamily {
  /** Its own name and all that its samples have. */
  readonly names: ReadonlySet<string>;
  /** HELP, TYPE and samples as they came, each with its line's end. */
  readonly text: string;
}

/** Of Prometheus' text format 0.0.4; `fault` says what in which line is none. */
export type Reading = { readonly families: readonly ForeignFamily[] } | { readonly fault: string };

const HELP = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*)(?: |$)/;
const TYPE = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/;
const SUFFIX = /_(?:bucket|sum|count)$/;

/** Longer lines are nobody's metrics. */
const LINE_CHARS_MAX = 64 * 1024;
/** Lines that are read in one go: well under a millisecond. */
const SLICE_LINES = 200;

interface Family {
  readonly names: Set<string>;
  type: string | undefined;
  text: string;
}

/**
 * Reads a page of metrics that comes from outside; `pause` lets other work run in between. Families
 * come in the order of their first lines. Comments are left out: they might end the page before its
 * end (`# EOF`).
 */
export async function readExposition(text: string, pause: () => Promise<void>): Promise<Reading> {
  const families = new Map<string, Family>();
  let number = 0;
  for (let start = 0; start < text.length; ) {
    const at = text.indexOf("\n", start);
    const end = at < 0 ? text.length : at;
    const line = end - start > LINE_CHARS_MAX ? undefined : trimmed(text, start, end);
    number++;
    if (line === undefined || !readLine(line, families)) return { fault: `line ${number}` };
    start = end + 1;
    if (number % SLICE_LINES === 0) await pause();
  }
  return { families: [...families.values()] };
}

/** Without the space at its end, which some parsers take for a timestamp; CR is space. */
function trimmed(text: string, start: number, end: number): string {
  let last = end;
  while (last > start && " \t\r".includes(text[last - 1] ?? "")) last--;
  return text.slice(start, last);
}

function readLine(line: string, families: Map<string, Family>): boolean {
  if (line === "") return true;
  if (line.startsWith("#")) return readComment(line, families);
  const name = sampleName(line);
  if (name === undefined) return false;
  const base = name.replace(SUFFIX, "");
  const type = families.get(base)?.type;
  const owner = type === "histogram" || type === "summary" ? base : name;
  append(familyOf(owner, families), name, line);
  return true;
}

function readComment(line: string, families: Map<string, Family>): boolean {
  const help = HELP.exec(line)?.[1];
  if (help !== undefined) {
    append(familyOf(help, families), help, line);
    return true;
  }
  if (!line.startsWith("# TYPE ")) return true;
  const [, name, type] = TYPE.exec(line) ?? [];
  if (name === undefined) return false;
  const family = familyOf(name, families);
  if (family.type !== undefined) return false;
  family.type = type;
  append(family, name, line);
  return true;
}

function familyOf(name: string, families: Map<string, Family>): Family {
  const known = families.get(name);
  if (known !== undefined) return known;
  const family: Family = { names: new Set(), type: undefined, text: "" };
  families.set(name, family);
  return family;
}

function append(family: Family, name: string, line: string): void {
  family.names.add(name);
  family.text += `${line}\n`;
}
