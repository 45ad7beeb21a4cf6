// hot path: no allocation per request
import type { MetadataMatch, ValueMatch } from "../../model/filter/rbac.ts";
import { compileStringMatch, type StringMatcher } from "../route/string-matcher.ts";
import type { DynamicMetadata, MetadataValue } from "./dynamic-metadata.ts";

/** A value test, compiled (Envoy: Matchers::ValueMatcher). Undefined: there is no value. */
interface ValueMatcher {
  matches(value: MetadataValue | undefined): boolean;
}

/** A question about what filters have said of a request (Envoy: Matchers::MetadataMatcher). */
export class MetadataMatcher {
  readonly #match: MetadataMatch;
  readonly #value: ValueMatcher;

  /** Throws where a regex is not RE2. */
  constructor(match: MetadataMatch) {
    this.#match = match;
    this.#value = compileValue(match.value);
  }

  matches(metadata: DynamicMetadata): boolean {
    const { filter, invert, path } = this.#match;
    return this.#value.matches(metadata.at(filter, path)) !== invert;
  }
}

function compileValue(match: ValueMatch): ValueMatcher {
  switch (match.kind) {
    case "null":
      return new SameMatcher(null);
    case "number":
    case "bool":
      return new SameMatcher(match.value);
    case "range":
      return new RangeMatcher(match.start, match.end);
    case "string":
      return new TextMatcher(compileStringMatch(match.match));
    case "present":
      return new PresenceMatcher(match.present);
    case "list":
      return new ListMatcher(compileValue(match.oneOf));
    case "or":
      return new AnyMatcher(match.of.map(compileValue));
  }
}

class SameMatcher implements ValueMatcher {
  readonly #wanted: null | number | boolean;

  constructor(wanted: null | number | boolean) {
    this.#wanted = wanted;
  }

  matches(value: MetadataValue | undefined): boolean {
    return value === this.#wanted;
  }
}

/** The end is not in it. */
class RangeMatcher implements ValueMatcher {
  readonly #start: number;
  readonly #end: number;

  constructor(start: number, end: number) {
    this.#start = start;
    this.#end = end;
  }

  matches(value: MetadataValue | undefined): boolean {
    return typeof value === "number" && value >= this.#start && value < this.#end;
  }
}

/** Asking for absence matches nothing, as in Envoy. */
class PresenceMatcher implements ValueMatcher {
  readonly #wanted: boolean;

  constructor(wanted: boolean) {
    this.#wanted = wanted;
  }

  matches(value: MetadataValue | undefined): boolean {
    return this.#wanted && value !== undefined && value !== null;
  }
}

class TextMatcher implements ValueMatcher {
  readonly #text: StringMatcher;

  constructor(text: StringMatcher) {
    this.#text = text;
  }

  matches(value: MetadataValue | undefined): boolean {
    return typeof value === "string" && this.#text.matches(value);
  }
}

class ListMatcher implements ValueMatcher {
  readonly #item: ValueMatcher;

  constructor(item: ValueMatcher) {
    this.#item = item;
  }

  matches(value: MetadataValue | undefined): boolean {
    if (!Array.isArray(value)) return false;
    for (let i = 0; i < value.length; i++) if (this.#item.matches(value[i])) return true;
    return false;
  }
}

class AnyMatcher implements ValueMatcher {
  readonly #of: readonly ValueMatcher[];

  constructor(of: readonly ValueMatcher[]) {
    this.#of = of;
  }

  matches(value: MetadataValue | undefined): boolean {
    for (let i = 0; i < this.#of.length; i++) if (this.#of[i]?.matches(value)) return true;
    return false;
  }
}
