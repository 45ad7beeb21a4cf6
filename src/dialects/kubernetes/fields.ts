import type { Diagnostic, Severity } from "../../base/diagnostic.ts";
import type { Labels } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import { type FieldTable, nearestName } from "./field-table.ts";
import { formatPath, type KubernetesObject, type Path, subjectOfObject } from "./object.ts";

/** What a finding says beside its place. */
export interface Finding {
  readonly code?: string;
  readonly severity?: Severity;
  readonly message: string;
  readonly found?: string | undefined;
  readonly allowed?: string | undefined;
  readonly hint?: string | undefined;
}

export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
}

export interface TextRule {
  readonly pattern?: RegExp;
  readonly lengthMax?: number;
  readonly lengthMin?: number;
  /** In words, for the message: `a DNS label`. */
  readonly allowed?: string;
}

/** A pod has forty fields; naming all of them hides the hint. */
const NAMES_SHOWN_MAX = 12;

type Mapping = Readonly<Record<string, unknown>>;

/**
 * One mapping of an object, read field by field against its table. Reading never throws: a wrong
 * value is a diagnostic and reads as absent, so that all mistakes are found in one pass. Opening
 * it reports unknown, unexecuted and refused fields; a null value counts as absent, as for the
 * API server.
 */
export class Fields<Name extends string = string> {
  readonly object: KubernetesObject;
  readonly path: Path;
  readonly #value: Mapping;
  readonly #report: Diagnostic[];

  private constructor(object: KubernetesObject, path: Path, value: Mapping, report: Diagnostic[]) {
    this.object = object;
    this.path = path;
    this.#value = value;
    this.#report = report;
  }

  /** The whole object. Findings are added to `report`. */
  static ofObject<Name extends string>(
    object: KubernetesObject,
    table: FieldTable<Name>,
    report: Diagnostic[],
  ): Fields<Name> {
    return Fields.#open(object, [], object.value, table, report);
  }

  static #open<Name extends string>(
    object: KubernetesObject,
    path: Path,
    value: Mapping,
    table: FieldTable<Name>,
    report: Diagnostic[],
  ): Fields<Name> {
    const fields = new Fields<Name>(object, path, value, report);
    fields.#checkNames(table);
    return fields;
  }

  /** True where the field is written and not null. */
  has(name: Name): boolean {
    return this.raw(name) !== undefined;
  }

  /** The value as it stands; undefined for null. */
  raw(name: Name): unknown {
    return Object.hasOwn(this.#value, name) ? (this.#value[name] ?? undefined) : undefined;
  }

  string(name: Name, rule: TextRule = {}): string | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value !== "string") return this.#wrongType(name, "a string");
    const text = checkText(value, rule);
    if (text === undefined) return value;
    this.bad(name, text, rule.allowed);
    return undefined;
  }

  requiredString(name: Name, rule: TextRule = {}): string | undefined {
    if (!this.has(name)) this.missing(name, rule.allowed ?? "a string");
    return this.string(name, { lengthMin: 1, ...rule });
  }

  boolean(name: Name): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "boolean") return value;
    return this.#wrongType(name, "true or false");
  }

  number(name: Name, range: NumberRange = {}): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const allowed = describeRange("a number", range);
    if (typeof value !== "number" || Number.isNaN(value)) return this.#wrongType(name, allowed);
    if (inRange(value, range)) return value;
    this.bad(name, `\`${name}\` is out of range`, allowed);
    return undefined;
  }

  integer(name: Name, range: NumberRange = {}): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const allowed = describeRange("a whole number", range);
    if (!Number.isInteger(value)) return this.#wrongType(name, allowed);
    return this.number(name, range) === undefined ? undefined : (value as number);
  }

  requiredInteger(name: Name, range: NumberRange = {}): number | undefined {
    if (!this.has(name)) this.missing(name, describeRange("a whole number", range));
    return this.integer(name, range);
  }

  /** One of the words; other texts are an error that names the nearest word. */
  word<const Word extends string>(name: Name, words: readonly Word[]): Word | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const known = words.find((word) => word === value);
    if (known !== undefined) return known;
    const near = typeof value === "string" ? nearestName(value, words) : undefined;
    this.problem(name, {
      message: `\`${name}\` is not one of the known values`,
      found: showFound(value),
      allowed: words.map((word) => (word === "" ? '""' : word)).join(", "),
      hint: near === undefined ? undefined : `did you mean ${near}?`,
    });
    return undefined;
  }

  /** A text that `parse` understands; undefined from it is an error. */
  parsed<T>(name: Name, parse: (text: string) => T | undefined, allowed: string): T | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined) this.bad(name, `\`${name}\` cannot be read`, allowed);
    return value;
  }

  /** A mapping of names to strings, as labels are. Undefined where it is absent. */
  labels(name: Name): Labels | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (!isMapping(value)) return this.#wrongType(name, "a mapping of strings");
    const pairs: [string, string][] = [];
    for (const [key, text] of Object.entries(value)) {
      if (typeof text === "string") pairs.push([key, text]);
      else this.#notText([...this.path, name, key], text);
    }
    return Object.fromEntries(pairs);
  }

  /** The mapping at the field; undefined where it is absent or no mapping. */
  mapping<Inner extends string>(name: Name, table: FieldTable<Inner>): Fields<Inner> | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (!isMapping(value)) return this.#wrongType(name, "a mapping");
    return Fields.#open(this.object, [...this.path, name], value, table, this.#report);
  }

  requiredMapping<Inner extends string>(
    name: Name,
    table: FieldTable<Inner>,
  ): Fields<Inner> | undefined {
    if (!this.has(name)) this.missing(name, "a mapping");
    return this.mapping(name, table);
  }

  /** A list of mappings; entries of another type are errors and left out. */
  mappings<Inner extends string>(
    name: Name,
    table: FieldTable<Inner>,
    countMax: number = Number.POSITIVE_INFINITY,
  ): Fields<Inner>[] {
    const opened: Fields<Inner>[] = [];
    const entries = this.list(name);
    if (entries.length > countMax) {
      const found = `${entries.length} entries`;
      this.problem(name, {
        message: "The list is too long",
        found,
        allowed: `at most ${countMax}`,
      });
    }
    for (const [index, value] of entries.entries()) {
      const path = [...this.path, name, index];
      if (isMapping(value)) {
        opened.push(Fields.#open(this.object, path, value, table, this.#report));
      } else {
        this.#at(path, {
          message: "The entry is not a mapping",
          ...typeFinding(value, "a mapping"),
        });
      }
    }
    return opened;
  }

  /** A list of strings; other entries are errors and left out. Empty where absent. */
  strings(name: Name, rule: TextRule = {}): string[] {
    const texts: string[] = [];
    for (const [index, value] of this.list(name).entries()) {
      const path = [...this.path, name, index];
      if (typeof value !== "string") {
        this.#notText(path, value);
        continue;
      }
      const wrong = checkText(value, rule);
      if (wrong === undefined) texts.push(value);
      else this.#at(path, { message: wrong, found: showFound(value), allowed: rule.allowed });
    }
    return texts;
  }

  /** The entries as they stand; empty where absent or no list. */
  list(name: Name): readonly unknown[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.#wrongType(name, "a list");
    return [];
  }

  /** For the model: which YAML this mapping is, or one of its fields. */
  origin(...inner: Path): Origin {
    return this.object.origin([...this.path, ...inner]);
  }

  /** An error, unless the finding says otherwise, about a field. */
  problem(name: Name, finding: Finding): void {
    this.#at([...this.path, name], finding);
  }

  /** A finding about the mapping itself, or about a place inside it. */
  problemAt(inner: Path, finding: Finding): void {
    this.#at([...this.path, ...inner], finding);
  }

  /** An error about a field's value, which is quoted. */
  bad(name: Name, message: string, allowed?: string, hint?: string): void {
    this.problem(name, { message, found: showFound(this.raw(name)), allowed, hint });
  }

  missing(name: Name, allowed?: string): void {
    this.problem(name, { message: `\`${name}\` is required`, found: "nothing", allowed });
  }

  /** Legal, but not executed: a warning. */
  notExecuted(name: Name, what: string, hint?: string): void {
    const found = showFound(this.raw(name));
    this.problem(name, { code: "OUT0201", severity: "warning", message: what, found, hint });
  }

  #checkNames(table: FieldTable<Name>): void {
    for (const [name, value] of Object.entries(this.#value)) {
      if (value === undefined || value === null) continue;
      const fate = Object.hasOwn(table, name) ? table[name as Name] : undefined;
      if (fate === undefined) this.#unknownField(name, Object.keys(table));
      else if (fate === "reported") {
        this.notExecuted(name as Name, `\`${name}\` is read but not executed`);
      } else if (fate === "refused") {
        const message = `\`${name}\` is not supported`;
        this.problem(name as Name, { code: "OUT0202", message, found: showFound(value) });
      }
    }
  }

  #unknownField(name: string, known: readonly string[]): void {
    const near = nearestName(name, known);
    const path = [...this.path, name];
    this.#report.push({
      ...this.#diagnostic(path, {
        message: `Unknown field \`${name}\``,
        found: name,
        allowed: listNames(known),
        hint: near === undefined ? undefined : `did you mean \`${near}\`?`,
      }),
      position: this.object.keyPositionOf(path),
    });
  }

  #notText(path: Path, value: unknown): void {
    this.#at(path, {
      message: "The value is not a string",
      ...typeFinding(value, "a string"),
      hint: quotingHint(value),
    });
  }

  #wrongType(name: Name, allowed: string): undefined {
    const value = this.raw(name);
    const message = `\`${name}\` has the wrong type`;
    const hint = allowed === "a string" ? quotingHint(value) : undefined;
    this.problem(name, { message, ...typeFinding(value, allowed), hint });
    return undefined;
  }

  #at(path: Path, finding: Finding): void {
    this.#report.push(this.#diagnostic(path, finding));
  }

  #diagnostic(path: Path, finding: Finding): Diagnostic {
    return {
      code: finding.code ?? schemaCode(this.object),
      severity: finding.severity ?? "error",
      message: finding.message,
      position: this.object.positionOf(path),
      subject: subjectOfObject(this.object),
      path: formatPath(path),
      found: finding.found,
      allowed: finding.allowed,
      hint: finding.hint,
    };
  }
}

/** Istio's code for a schema error in its own resources, else ours. */
export function schemaCode(object: Pick<KubernetesObject, "group">): string {
  return object.group.endsWith("istio.io") ? "IST0106" : "OUT0106";
}

/** YAML 1.1 takes more words for booleans than people do. */
function quotingHint(value: unknown): string | undefined {
  if (typeof value === "number") return `write it in quotes: "${value}"`;
  if (typeof value !== "boolean") return undefined;
  const words = value ? "y, yes and on" : "n, no and off";
  return `write it in quotes: "${value}" (${words} mean ${value} too)`;
}

/** A value as a diagnostic quotes it: one line, at most 80 characters. */
export function showFound(value: unknown): string {
  if (value === undefined) return "nothing";
  // JSON has no word for .inf and .nan.
  const isSimple = typeof value === "string" || typeof value === "number";
  const text = isSimple ? String(value) : JSON.stringify(value);
  const line = text.replaceAll("\n", "\\n");
  return line.length > 80 ? `${line.slice(0, 77)}...` : line === "" ? '""' : line;
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN_MAX).join(", ");
  const more = names.length - NAMES_SHOWN_MAX;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function typeFinding(value: unknown, allowed: string): { found: string; allowed: string } {
  return { found: `${typeName(value)} ${showFound(value)}`.trim(), allowed };
}

function typeName(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return "the list";
  return typeof value === "object" ? "the mapping" : `the ${typeof value}`;
}

function checkText(text: string, rule: TextRule): string | undefined {
  if (text.length < (rule.lengthMin ?? 0)) return "The text is empty";
  if (text.length > (rule.lengthMax ?? Number.POSITIVE_INFINITY)) {
    return `The text is longer than ${rule.lengthMax} characters`;
  }
  if (rule.pattern !== undefined && !rule.pattern.test(text)) {
    return "The text is not of the form that is allowed here";
  }
  return undefined;
}

function inRange(value: number, { min, max }: NumberRange): boolean {
  return value >= (min ?? Number.NEGATIVE_INFINITY) && value <= (max ?? Number.POSITIVE_INFINITY);
}

function describeRange(what: string, { min, max }: NumberRange): string {
  if (min !== undefined && max !== undefined) return `${what} from ${min} to ${max}`;
  if (min !== undefined) return `${what}, at least ${min}`;
  return max === undefined ? what : `${what}, at most ${max}`;
}
