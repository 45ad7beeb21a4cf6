import { parseDuration } from "../../../../base/duration.ts";
import type { Labels } from "../../../../model/mesh.ts";
import { nearestName } from "../../field-table.ts";
import type { Fields, NumberRange } from "../../fields.ts";

/** GEP-2257, and Linkerd's days; 0 needs no unit. */
const DURATION = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
const DAYS = /^([0-9]{1,5})d$/;
const DURATION_WORDS = "a duration with its unit, such as 10s, 500ms, 1h30m, at most 24d";
/** Of timers. */
const LONGEST_MS = 2 ** 31 - 1;

/** The words of Go's strconv.ParseBool. */
const TRUE: ReadonlySet<string> = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE: ReadonlySet<string> = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** Reads the annotations of one object; what is wrong is told at the annotation's line. */
export class AnnotationReader {
  readonly annotations: Labels;
  readonly #fields: Pick<Fields<string>, "problemAt">;

  constructor(annotations: Labels, fields: Pick<Fields<string>, "problemAt">) {
    this.annotations = annotations;
    this.#fields = fields;
  }

  has(name: string): boolean {
    return this.annotations[name] !== undefined;
  }

  /** A text that `parse` understands; undefined where it is absent or wrong. */
  parsed<T>(name: string, parse: (text: string) => T | undefined, allowed: string): T | undefined {
    const text = this.annotations[name]?.trim();
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined) this.bad(name, text, allowed);
    return value;
  }

  word<const Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    return this.parsed(name, (text) => words.find((word) => word === text), words.join(", "));
  }

  /** Milliseconds. */
  duration(name: string, { min = 0, max = LONGEST_MS }: NumberRange = {}): number | undefined {
    const text = this.annotations[name]?.trim() ?? "";
    const unit = /^[0-9]+$/.test(text) ? `; did you mean ${text}s or ${text}ms?` : "";
    const least = min > 0 ? `, at least ${min}ms` : "";
    return this.parsed(
      name,
      (given) => {
        const value = durationOf(given);
        return value === undefined || value < min || value > max ? undefined : value;
      },
      `${DURATION_WORDS}${least}${unit}`,
    );
  }

  integer(
    name: string,
    { min = 0, max = Number.MAX_SAFE_INTEGER }: NumberRange,
  ): number | undefined {
    return this.#number(name, /^[0-9]{1,15}$/, "a whole number", min, max);
  }

  number(name: string, { min = 0, max = Number.MAX_VALUE }: NumberRange): number | undefined {
    return this.#number(name, /^[0-9]{1,15}(\.[0-9]{1,15})?$/, "a number", min, max);
  }

  boolean(name: string): boolean | undefined {
    const parse = (text: string) => (TRUE.has(text) ? true : FALSE.has(text) ? false : undefined);
    return this.parsed(name, parse, "true or false");
  }

  /** Items between commas; those that cannot be read are told one by one. */
  items<T>(name: string, parse: (item: string) => T | undefined, allowed: string): T[] {
    const items = (this.annotations[name] ?? "").split(",").map((item) => item.trim());
    return items.flatMap((item) => {
      if (item === "" && !this.has(name)) return [];
      const value = parse(item);
      if (value !== undefined) return [value];
      this.bad(name, item, allowed);
      return [];
    });
  }

  bad(name: string, found: string, allowed: string): void {
    const message = `The annotation ${name} cannot be read`;
    this.#at(name, { code: "IST0125", message, found, allowed });
  }

  /** It can be read, and changes nothing. */
  notExecuted(name: string, message: string, hint?: string): void {
    const found = this.annotations[name];
    this.#at(name, { code: "OUT0201", severity: "warning", message, found, hint });
  }

  /** Names below these prefixes that nobody reads. */
  reportUnknown(prefixes: readonly string[], known: readonly string[]): void {
    for (const name of Object.keys(this.annotations)) {
      if (known.includes(name) || !prefixes.some((prefix) => name.startsWith(prefix))) continue;
      const near = nearestName(name, known);
      const hint = near === undefined ? undefined : `did you mean ${near}?`;
      this.notExecuted(name, `The annotation ${name} is not known`, hint);
    }
  }

  #number(
    name: string,
    pattern: RegExp,
    kind: string,
    min: number,
    max: number,
  ): number | undefined {
    const open = max === Number.MAX_SAFE_INTEGER || max === Number.MAX_VALUE;
    const parse = (text: string) => {
      const value = pattern.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    };
    return this.parsed(name, parse, `${kind}, ${open ? `at least ${min}` : `${min} to ${max}`}`);
  }

  #at(name: string, finding: Parameters<Fields<string>["problemAt"]>[1]): void {
    this.#fields.problemAt(["metadata", "annotations", name], finding);
  }
}

function durationOf(text: string): number | undefined {
  if (text === "0") return 0;
  const days = DAYS.exec(text)?.[1];
  if (days !== undefined) return Number(days) * 86_400_000;
  return DURATION.test(text) ? parseDuration(text) : undefined;
}
