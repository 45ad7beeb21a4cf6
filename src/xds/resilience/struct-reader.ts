import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Place } from "../check/place.ts";
import { nearest } from "../document/nearest.ts";

/** A number's bounds, both allowed. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/**
 * Reads one mapping of a google.protobuf.Struct strictly: every problem goes to its place, and
 * `end` refuses what nobody asked for. What is missing or wrong reads as the given default.
 */
export class StructReader {
  readonly #json: JsonObject;
  readonly #place: Place;
  readonly #known = new Set<string>();

  constructor(json: JsonObject, place: Place) {
    this.#json = json;
    this.#place = place;
  }

  place(name: string): Place {
    return this.#place.field(name);
  }

  has(name: string): boolean {
    return this.#take(name) !== undefined;
  }

  #take(name: string): JsonValue | undefined {
    this.#known.add(name);
    return this.#json[name] ?? undefined;
  }

  /** Text of 1 to `maxBytes` bytes; `allowEmpty`: of none as well. */
  text(name: string, maxBytes: number, otherwise: string | undefined, allowEmpty = false): string {
    const value = this.#take(name);
    if (value === undefined) return this.#otherwise(name, otherwise, "");
    const bytes = typeof value === "string" ? Buffer.byteLength(value) : -1;
    if (bytes >= (allowEmpty ? 0 : 1) && bytes <= maxBytes) return String(value);
    const least = allowEmpty ? "at most" : "1 to";
    this.place(name).refuse(
      "is no such text",
      bytes > maxBytes ? `${bytes} bytes` : value,
      `text of ${least} ${maxBytes} bytes`,
    );
    return otherwise ?? "";
  }

  whole(name: string, { min, max }: Bounds, otherwise: number | undefined): number {
    const value = this.#take(name);
    if (value === undefined) return this.#otherwise(name, otherwise, min);
    const isWhole = typeof value === "number" && Number.isInteger(value);
    if (isWhole && value >= min && value <= max) return value;
    this.place(name).refuse("is out of range", value, `a whole number from ${min} to ${max}`);
    return otherwise ?? min;
  }

  /** With fractions. */
  number(name: string, { min, max }: Bounds, otherwise: number | undefined): number {
    const value = this.#take(name);
    if (value === undefined) return this.#otherwise(name, otherwise, min);
    if (typeof value === "number" && value >= min && value <= max) return value;
    this.place(name).refuse("is out of range", value, `a number from ${min} to ${max}`);
    return otherwise ?? min;
  }

  /** A whole number, undefined where it is not said. */
  wholeIfSaid(name: string, bounds: Bounds): number | undefined {
    return this.has(name) ? this.whole(name, bounds, bounds.min) : undefined;
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.#take(name) ?? otherwise;
    if (typeof value === "boolean") return value;
    this.place(name).refuse("is no boolean", value, "true, false");
    return otherwise;
  }

  word<W extends string>(name: string, words: readonly W[], otherwise: W | undefined): W {
    const value = this.#take(name);
    const first = otherwise ?? words[0];
    if (first === undefined) throw new Error(`${name} has no words`);
    if (value === undefined) return this.#otherwise(name, otherwise, first);
    const word = words.find((each) => each === value);
    if (word === undefined) this.place(name).refuse("is no such word", value, words.join(", "));
    return word ?? first;
  }

  /** Undefined where it is not said, or is no mapping. */
  mapping(name: string): StructReader | undefined {
    const value = this.#take(name);
    return value === undefined ? undefined : readerOf(value, this.place(name));
  }

  /** Mappings of a list; undefined where it is not said. */
  mappings(name: string, maxItems: number): readonly StructReader[] | undefined {
    return this.#list(name, maxItems)?.flatMap((each, i) => {
      return readerOf(each, this.place(name).item(i)) ?? [];
    });
  }

  /** Whole numbers of a list; undefined where it is not said. */
  wholes(name: string, maxItems: number, { min, max }: Bounds): readonly number[] | undefined {
    return this.#list(name, maxItems)?.flatMap((each, i) => {
      const isWhole = typeof each === "number" && Number.isInteger(each);
      if (isWhole && each >= min && each <= max) return each;
      const allowed = `a whole number from ${min} to ${max}`;
      this.place(name).item(i).refuse("is out of range", each, allowed);
      return [];
    });
  }

  #list(name: string, maxItems: number): readonly JsonValue[] | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.length <= maxItems) return value;
    const found = Array.isArray(value) ? `${value.length} elements` : value;
    this.place(name).refuse("is no such list", found, `at most ${maxItems} elements`);
    return [];
  }

  /** Whatever has not been read by now is unknown. */
  end(): void {
    for (const name of Object.keys(this.#json)) {
      if (this.#known.has(name)) continue;
      const known = [...this.#known];
      const near = nearest(name, known);
      const allowed = near === undefined ? known.join(", ") : `${near}, perhaps`;
      this.place(name).refuse("is unknown", name, allowed);
    }
  }

  #otherwise<T>(name: string, otherwise: T | undefined, filler: T): T {
    if (otherwise === undefined) this.place(name).refuse("is missing");
    return otherwise ?? filler;
  }
}

/** Undefined, and a problem, where the value is no mapping. */
export function readerOf(value: JsonValue, place: Place): StructReader | undefined {
  const isMapping = value !== null && typeof value === "object" && !Array.isArray(value);
  if (isMapping) return new StructReader(value, place);
  place.refuse("is no mapping", value, "a mapping");
  return undefined;
}

/** As JSON, without what is undefined. */
export function structOf(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
