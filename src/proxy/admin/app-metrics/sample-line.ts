const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const QUOTED = /"(?:[^"\\]|\\.)*"/y;
const SPACE = /[ \t]*/y;
const WORD = /[^ \t]+/y;
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?[Ii]nf|NaN|nan)$/;
/** Of milliseconds; more than 64 bits would make the whole page one that nobody reads. */
const TIMESTAMP = /^-?\d{1,15}$/;
const WORD_CHARS_MAX = 64;

/** A place in a line. Each step looks at its characters once, whatever they are. */
class Cursor {
  readonly #line: string;
  #at = 0;

  constructor(line: string) {
    this.#line = line;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#line.length;
  }

  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#line)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  takes(char: string): boolean {
    if (this.#line[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  /** Whether there was any. */
  space(): boolean {
    return this.take(SPACE) !== "";
  }
}

/**
 * The name of the sample that a line of Prometheus' text format 0.0.4 has; undefined where it has
 * none, or anything else, or space at its end.
 */
export function sampleName(line: string): string | undefined {
  const cursor = new Cursor(line);
  const name = cursor.take(NAME);
  if (name === undefined) return undefined;
  const spaced = cursor.space();
  const labelled = cursor.takes("{");
  if (labelled ? !labels(cursor) : !spaced) return undefined;
  cursor.space();
  if (!isValue(cursor.take(WORD))) return undefined;
  if (cursor.space() && !matches(cursor.take(WORD), TIMESTAMP)) return undefined;
  return cursor.isAtEnd ? name : undefined;
}

/** After the brace, and with the other one. */
function labels(cursor: Cursor): boolean {
  cursor.space();
  while (!cursor.takes("}")) {
    if (cursor.take(LABEL_NAME) === undefined) return false;
    cursor.space();
    if (!cursor.takes("=")) return false;
    cursor.space();
    if (cursor.take(QUOTED) === undefined) return false;
    cursor.space();
    if (cursor.takes(",")) cursor.space();
    else return cursor.takes("}");
  }
  return true;
}

/** What overflows is an error to Prometheus, not infinite. */
function isValue(word: string | undefined): boolean {
  if (!matches(word, VALUE)) return false;
  return /[IiNn]/.test(word ?? "") || Number.isFinite(Number(word));
}

function matches(word: string | undefined, pattern: RegExp): boolean {
  return word !== undefined && word.length <= WORD_CHARS_MAX && pattern.test(word);
}
