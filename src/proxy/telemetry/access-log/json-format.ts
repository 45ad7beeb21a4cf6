import type { JsonField, JsonFields, JsonLogFormat } from "../../../model/log/access-log.ts";
import { compileFormat, type FormatPart } from "../../format/compile-format.ts";
import type { OperatorOptions } from "../../format/operators.ts";
import type { FormatSource } from "../../format/source.ts";

/** What a field becomes at a request: JSON, or undefined for no value. */
type Field = (source: FormatSource) => string | undefined;

type Fields = readonly (readonly [key: string, field: Field])[];

/**
 * A line that is a JSON object (Envoy: JsonFormatBuilder). Keys are sorted; a text that is one
 * operator keeps its type, and one without value is null, or is left out.
 */
export class JsonTemplate {
  readonly #fields: Field;

  /** Throws a RangeError that names everything wrong with the texts, and their keys. */
  constructor({ fields, omitEmptyValues }: JsonLogFormat, options: OperatorOptions) {
    const problems: string[] = [];
    const compiler = new Compiler(omitEmptyValues, options, problems);
    this.#fields = compiler.fields(fields, "");
    if (problems.length > 0) throw new RangeError(problems.join("; "));
  }

  format(source: FormatSource): string {
    return `${this.#fields(source) ?? "{}"}\n`;
  }
}

class Compiler {
  readonly #omits: boolean;
  readonly #options: OperatorOptions;
  readonly #problems: string[];

  constructor(omits: boolean, options: OperatorOptions, problems: string[]) {
    this.#omits = omits;
    this.#options = options;
    this.#problems = problems;
  }

  fields(fields: JsonFields, path: string): Field {
    const compiled = Object.keys(fields)
      .sort()
      .map((key) => {
        const place = path === "" ? key : `${path}.${key}`;
        return [quote(key), this.#field(fields[key] as JsonField, place)] as const;
      });
    const omits = this.#omits;
    return (source) => objectOf(compiled, source, omits);
  }

  #field(value: JsonField, path: string): Field {
    if (typeof value === "string") return this.#text(value, path);
    if (isList(value)) return this.#list(value, path);
    if (value !== null && typeof value === "object") return this.fields(value, path);
    if (value === null) return this.#omits ? nothing : () => "null";
    const constant = JSON.stringify(value);
    return () => constant;
  }

  #list(list: readonly JsonField[], path: string): Field {
    const items = list.map((item, i) => this.#field(item, `${path}[${i}]`));
    return (source) => {
      const values = items.flatMap((item) => item(source) ?? []);
      return `[${values.join(",")}]`;
    };
  }

  #text(text: string, path: string): Field {
    const parts = this.#compile(text, path);
    if (parts.every((part) => typeof part === "string")) {
      // It is the configuration's own, and no bytes.
      const constant = JSON.stringify(parts.join(""));
      return () => constant;
    }
    const [only] = parts;
    const absent = this.#omits ? undefined : "null";
    if (parts.length === 1 && typeof only === "function") {
      return (source) => {
        const value = only(source);
        if (value === undefined) return absent;
        return typeof value === "string" ? quote(value) : String(value);
      };
    }
    const missing = this.#omits ? "" : "-";
    return (source) => `"${joined(parts, source, missing)}"`;
  }

  #compile(text: string, path: string): readonly FormatPart[] {
    try {
      return compileFormat(text, this.#options);
    } catch (error) {
      this.#problems.push(`json ${path}: ${error instanceof Error ? error.message : error}`);
      return [];
    }
  }
}

const nothing: Field = () => undefined;

function isList(value: JsonField): value is readonly JsonField[] {
  return Array.isArray(value);
}

/** Undefined where it is empty and such are left out. */
function objectOf(fields: Fields, source: FormatSource, omits: boolean): string | undefined {
  let text = "";
  for (const [key, field] of fields) {
    const value = field(source);
    if (value !== undefined) text += `${text === "" ? "" : ","}${key}:${value}`;
  }
  return text === "" && omits ? undefined : `{${text}}`;
}

function joined(parts: readonly FormatPart[], source: FormatSource, missing: string): string {
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") text += JSON.stringify(part).slice(1, -1);
    else text += quote(String(part(source) ?? missing)).slice(1, -1);
  }
  return text;
}

const NOT_PLAIN = /[\x7f-\xff]/;
const UNPRINTABLE = /[\x7f-\x9f\u2028\u2029]/g;
const UNSAFE = /[^\x20-\x7e]|["\\]/g;

/**
 * A text in quotes. What came in a head is bytes, one a character: UTF-8 is shown as such, any
 * other byte as `\u00HH`; so are the control characters that a terminal obeys.
 */
function quote(text: string): string {
  if (!NOT_PLAIN.test(text)) return JSON.stringify(text);
  const decoded = Buffer.from(text, "latin1").toString("utf8");
  if (decoded.includes("\ufffd")) return `"${text.replaceAll(UNSAFE, escapeOne)}"`;
  return JSON.stringify(decoded).replaceAll(UNPRINTABLE, escapeOne);
}

function escapeOne(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
