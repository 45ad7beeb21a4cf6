import type { Labels } from "../../../model/mesh.ts";
import type { Fields } from "../fields.ts";

/** An item of an annotation that cannot be read. */
export interface AnnotationFault {
  /** Of the annotation. */
  readonly name: string;
  readonly found: string;
  readonly allowed: string;
}

/** Both ends belong to it. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export const PORTS_ALLOWED = "ports 1 to 65535, separated by commas";
export const RANGES_ALLOWED = "ports and ranges, as 25,3306,4000-4999";

/** What stands between the commas. */
export function itemsOf(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

export function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** `4000-4999`, or one port. */
export function parsePortRange(text: string): PortRange | undefined {
  const dash = text.indexOf("-");
  const [from, to] = dash < 0 ? [text, text] : [text.slice(0, dash), text.slice(dash + 1)];
  const [first, last] = [parsePort(from.trim()), parsePort(to.trim())];
  if (first === undefined || last === undefined || first > last) return undefined;
  return { first, last };
}

/** The items that can be read; the others are told to `faults`. */
export function readItems<T>(
  annotations: Labels,
  name: string,
  parse: (item: string) => T | undefined,
  allowed: string,
  faults: AnnotationFault[],
): T[] {
  return itemsOf(annotations[name] ?? "").flatMap((item) => {
    const value = parse(item);
    if (value !== undefined) return [value];
    faults.push({ name, found: item, allowed });
    return [];
  });
}

/** IST0125 at the annotation itself; `inner` leads to the annotations' mapping. */
export function reportFaults(
  fields: Pick<Fields<string>, "problemAt">,
  inner: readonly string[],
  faults: readonly AnnotationFault[],
): void {
  for (const { name, found, allowed } of faults) {
    const message = `The annotation ${name} cannot be read`;
    fields.problemAt([...inner, name], { code: "IST0125", message, found, allowed });
  }
}
