import { parseDuration } from "../../base/duration.ts";
import type { Origin } from "../../model/origin.ts";
import { type Fields, type Finding, showFound } from "../kubernetes/fields.ts";
import type { Path } from "../kubernetes/object.ts";
import { parseBytes } from "./quantity.ts";
import { DURATION, type Field, type ObjectField, type Rule, tableOf } from "./schema/field.ts";

type FieldOf<Type extends Field["type"]> = Extract<Field, { readonly type: Type }>;

/**
 * One mapping of an object of ours, read by its schema: bounds, words and defaults are the
 * table's, so that the published schema says the same. What is wrong is a diagnostic, and reads as
 * absent.
 */
export class Section<Name extends string> {
  readonly #fields: Fields<Name>;
  readonly #schema: ObjectField<Name>;

  constructor(fields: Fields<Name>, schema: ObjectField<Name>) {
    this.#fields = fields;
    this.#schema = schema;
    for (const name of schema.required ?? []) {
      if (!fields.has(name)) fields.missing(name, allowedIn(schema.properties[name]));
    }
    for (const rule of schema.rules ?? []) this.#hold(rule as Rule<Name>);
  }

  has(name: Name): boolean {
    return this.#fields.has(name);
  }

  integer(name: Name): number | undefined {
    const { max, min, ...field } = this.#field(name, "integer");
    return this.#fields.integer(name, { min, max }) ?? field.default;
  }

  /** Milliseconds. */
  durationMs(name: Name): number | undefined {
    const { max, min, ...field } = this.#field(name, "duration");
    const read = (text: string): number | undefined => {
      const ms = DURATION.test(text) ? parseDuration(text) : undefined;
      return ms === undefined || ms < min || ms > max ? undefined : ms;
    };
    const allowed = `a duration from ${inWords(min)} to ${inWords(max)}, such as 10s or 1m30s`;
    const fallback = field.default === undefined ? undefined : parseDuration(field.default);
    return this.#fields.parsed(name, read, allowed) ?? fallback;
  }

  bytes(name: Name): number | undefined {
    const { max, min, ...field } = this.#field(name, "bytes");
    const written = this.#fields.raw(name);
    const value = written ?? field.default;
    const bytes = parseBytes(value);
    if (bytes !== undefined && bytes >= min && bytes <= max) return bytes;
    if (value === undefined) return undefined;
    const allowed = `${min} to ${max} bytes, such as 64Ki or 1Mi`;
    this.#fields.bad(name, `\`${name}\` cannot be read`, allowed);
    return undefined;
  }

  flag(name: Name): boolean {
    const field = this.#field(name, "boolean");
    const value = this.#fields.raw(name) ?? field.default;
    if (typeof value === "boolean") return value;
    this.#fields.bad(name, `\`${name}\` has the wrong type`, "true, false");
    return field.default;
  }

  word<const Word extends string>(name: Name): Word | undefined {
    const field = this.#field(name, "word");
    return (this.#fields.word(name, field.words) ?? field.default) as Word | undefined;
  }

  text(name: Name): string | undefined {
    const { maxBytes, minLength, pattern, allowed, ...field } = this.#field(name, "text");
    const rule = {
      ...(minLength === undefined ? {} : { lengthMin: minLength }),
      ...(pattern === undefined ? {} : { pattern }),
      ...(allowed === undefined ? {} : { allowed }),
    };
    const text = this.#fields.string(name, rule);
    if (text === undefined || Buffer.byteLength(text) <= maxBytes) return text ?? field.default;
    const found = `${Buffer.byteLength(text)} bytes`;
    const message = "The text is too long";
    this.#fields.problem(name, { message, found, allowed: `at most ${maxBytes} bytes` });
    return undefined;
  }

  /** A mapping inside; undefined where it is absent. */
  section<Inner extends string>(
    name: Name,
    schema: ObjectField<Inner>,
  ): Section<Inner> | undefined {
    const fields = this.#fields.mapping(name, tableOf(schema));
    return fields === undefined ? undefined : new Section(fields, schema);
  }

  /** Mappings of a list. */
  sections<Inner extends string>(
    name: Name,
    schema: ObjectField<Inner>,
  ): readonly Section<Inner>[] {
    const { maxItems, minItems } = this.#field(name, "list");
    const mappings = this.#fields.mappings(name, tableOf(schema), maxItems);
    const written = this.#fields.raw(name);
    if (Array.isArray(written) && written.length < (minItems ?? 0)) {
      this.#fields.bad(name, "The list is empty", `at least ${minItems}`);
    }
    return mappings.map((fields) => new Section(fields, schema));
  }

  /** Entries of a list, each as `read` understands it; undefined from it is an error. */
  entries<T>(name: Name, read: (entry: unknown) => T | undefined, allowed: string): readonly T[] {
    const { default: otherwise, maxItems } = this.#field(name, "list");
    const isWritten = this.has(name);
    const written = isWritten ? this.#fields.list(name) : (otherwise ?? []);
    if (written.length > maxItems) {
      const found = `${written.length} entries`;
      const message = "The list is too long";
      this.#fields.problem(name, { message, found, allowed: `at most ${maxItems}` });
    }
    return written.flatMap((entry, index) => {
      const value = read(entry);
      if (value !== undefined) return [value];
      const message = "The entry cannot be read";
      this.#fields.problemAt([name, index], { message, found: showFound(entry), allowed });
      return [];
    });
  }

  /** Names and values, as they stand. */
  headers(name: Name): readonly (readonly [string, string])[] {
    const { maxProperties } = this.#field(name, "headers");
    const headers = Object.entries(this.#fields.labels(name) ?? {});
    if (headers.length <= maxProperties) return headers;
    const found = `${headers.length} headers`;
    const message = "There are too many headers";
    this.#fields.problem(name, { message, found, allowed: `at most ${maxProperties}` });
    return [];
  }

  bad(name: Name, message: string, allowed?: string, hint?: string): void {
    this.#fields.bad(name, message, allowed, hint);
  }

  problemAt(inner: Path, finding: Finding): void {
    this.#fields.problemAt(inner, finding);
  }

  origin(...inner: Path): Origin {
    return this.#fields.origin(...inner);
  }

  #field<Type extends Field["type"]>(name: Name, type: Type): FieldOf<Type> {
    const field = this.#schema.properties[name];
    if (field.type !== type) throw new Error(`${name} is of type ${field.type}, not ${type}`);
    return field as FieldOf<Type>;
  }

  #hold(rule: Rule<Name>): void {
    if (rule.kind === "exactlyOne") {
      const given = rule.names.filter((name) => this.has(name));
      if (given.length === 1) return;
      const message = given.length === 0 ? "Nothing is chosen" : "These exclude each other";
      const found = given.length === 0 ? "nothing" : given.join(", ");
      const allowed = `exactly one of ${rule.names.join(", ")}`;
      // `lastGood:` and nothing behind it is no choice; to Kubernetes neither.
      const hint =
        given.length === 0 ? `${rule.names.at(-1)}: {} is a choice, with its defaults` : undefined;
      this.#fields.problemAt([], { message, found, allowed, hint });
      return;
    }
    const others = this.has(rule.name) ? rule.others.filter((name) => this.has(name)) : [];
    if (others.length === 0) return;
    const found = `${rule.name} and ${others.join(", ")}`;
    const allowed = `${rule.name}, or ${rule.others.join(" and ")}`;
    this.#fields.problem(rule.name, { message: "These exclude each other", found, allowed });
  }
}

/** In words, of a field that is missing. */
function allowedIn(field: Field): string {
  switch (field.type) {
    case "integer":
      return `a whole number from ${field.min} to ${field.max}`;
    case "word":
      return field.words.join(", ");
    case "list":
      return `a list of ${field.minItems ?? 0} to ${field.maxItems} entries`;
    default:
      return field.description.replace(/\.$/, "");
  }
}

function inWords(ms: number): string {
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000}h` : `${ms}ms`;
}
