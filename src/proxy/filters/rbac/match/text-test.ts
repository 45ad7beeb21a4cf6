// hot path: no allocation per request
import { RE2JS } from "re2js";
import { asciiLower } from "../../../route/string-matcher.ts";

/** A question about one text, compiled. */
export interface TextTest {
  holds(text: string): boolean;
}

export class ExactText implements TextTest {
  readonly #wanted: string;
  readonly #folds: boolean;

  constructor(wanted: string, folds: boolean) {
    this.#wanted = folds ? asciiLower(wanted) : wanted;
    this.#folds = folds;
  }

  holds(text: string): boolean {
    return (this.#folds ? asciiLower(text) : text) === this.#wanted;
  }
}

export class PrefixText implements TextTest {
  readonly #wanted: string;
  readonly #folds: boolean;

  constructor(wanted: string, folds: boolean) {
    this.#wanted = folds ? asciiLower(wanted) : wanted;
    this.#folds = folds;
  }

  holds(text: string): boolean {
    return (this.#folds ? asciiLower(text) : text).startsWith(this.#wanted);
  }
}

export class SuffixText implements TextTest {
  readonly #wanted: string;
  readonly #folds: boolean;

  constructor(wanted: string, folds: boolean) {
    this.#wanted = folds ? asciiLower(wanted) : wanted;
    this.#folds = folds;
  }

  holds(text: string): boolean {
    return (this.#folds ? asciiLower(text) : text).endsWith(this.#wanted);
  }
}

export class ContainedText implements TextTest {
  readonly #wanted: string;
  readonly #folds: boolean;

  constructor(wanted: string, folds: boolean) {
    this.#wanted = folds ? asciiLower(wanted) : wanted;
    this.#folds = folds;
  }

  holds(text: string): boolean {
    return (this.#folds ? asciiLower(text) : text).includes(this.#wanted);
  }
}

/** RE2 syntax, of the whole text, in linear time. */
export class RegexText implements TextTest {
  readonly #regex: RE2JS;

  /** Throws where it is none. */
  constructor(pattern: string, folds: boolean) {
    this.#regex = RE2JS.compile(pattern, folds ? RE2JS.CASE_INSENSITIVE : 0);
  }

  holds(text: string): boolean {
    return this.#regex.testExact(text);
  }
}

/**
 * A regular expression of a header's bytes. What is no ASCII may be meant as UTF-8 or as bytes, and
 * no reading may let somebody in: one of them has to match where a match refuses (`eager`), both
 * where it allows.
 */
export class BytesRegexText implements TextTest {
  readonly #regex: RegexText;
  readonly #eager: boolean;

  constructor(pattern: string, folds: boolean, eager: boolean) {
    this.#regex = new RegexText(pattern, folds);
    this.#eager = eager;
  }

  holds(text: string): boolean {
    const asBytes = this.#regex.holds(text);
    if (asBytes === this.#eager || isAscii(text)) return asBytes;
    return this.#regex.holds(Buffer.from(text, "latin1").toString());
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
