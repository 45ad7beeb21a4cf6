/** What a template's variables may be called, and how many there may be, as Envoy has it. */
const VARIABLES_MAX = 5;
const VARIABLE_NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,15}$/;
/** RFC 3986's `pchar` without `*`, which Envoy would take for a regular expression's. */
const LITERAL = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=]+$/;
const PRINTABLE = /^\/[!-~]*$/;
/** Envoy: path_template of UriTemplateMatchConfig. */
const CHARS_MAX = 256;

const SLASH = 0x2f;
/** What a `*` takes. */
const IN_STAR = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=*]$/;
/** 1 for each of them. */
const IN_SEGMENT = new Uint8Array(128);
for (let code = 0; code < IN_SEGMENT.length; code++) {
  if (IN_STAR.test(String.fromCharCode(code))) IN_SEGMENT[code] = 1;
}

type Piece = { readonly kind: "text"; text: string } | { readonly kind: "star" | "stars" };

/**
 * Envoy's `path.match.uri_template`: `*` is one segment, `**` any number of characters and slashes;
 * `{name}` and `{name=a/*}` capture, which nobody asks here. What stands behind `**` is fixed text.
 */
export class UriTemplate {
  readonly #pieces: readonly Piece[];

  /** Throws a RangeError with what is wrong, in words. */
  constructor(template: string) {
    const problem = uriTemplateProblem(template);
    if (problem !== undefined) throw new RangeError(`${template} is no template: ${problem}`);
    this.#pieces = joined(new Parser(template).pieces);
  }

  /** `path` is without its query. */
  matches(path: string): boolean {
    let at = 0;
    for (let i = 0; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i] as Piece;
      if (piece.kind === "stars") return this.#endsBehind(path, at, i + 1);
      if (piece.kind === "text") {
        if (!path.startsWith(piece.text, at)) return false;
        at += piece.text.length;
      } else {
        const end = segmentEnd(path, at);
        const last = i + 2 === this.#pieces.length ? this.#pieces[i + 1] : undefined;
        const suffix = last?.kind === "text" && last.text.charCodeAt(0) !== SLASH ? last.text : "";
        if (suffix !== "") return end === path.length && endsWithin(path, at, suffix);
        if (end === at) return false;
        at = end;
      }
    }
    return at === path.length;
  }

  #endsBehind(path: string, at: number, next: number): boolean {
    const rest = this.#pieces[next];
    const tail = rest?.kind === "text" ? rest.text : "";
    const end = path.length - tail.length;
    if (end < at || !path.endsWith(tail)) return false;
    for (let i = at; i < end; i++) {
      const code = path.charCodeAt(i);
      if (code !== SLASH && IN_SEGMENT[code] !== 1) return false;
    }
    return true;
  }
}

/** A `*` with text behind it in its own segment: at least one character is the star's. */
function endsWithin(path: string, at: number, suffix: string): boolean {
  return path.length - at > suffix.length && path.endsWith(suffix);
}

function segmentEnd(path: string, at: number): number {
  let end = at;
  while (end < path.length && IN_SEGMENT[path.charCodeAt(end)] === 1) end++;
  return end;
}

/** Texts that stand beside each other are one. */
function joined(pieces: readonly Piece[]): readonly Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    if (piece.kind === "text" && last?.kind === "text") last.text += piece.text;
    else result.push(piece.kind === "text" ? { ...piece } : piece);
  }
  return result;
}

/** What is wrong with a template; undefined: nothing. */
export function uriTemplateProblem(template: string): string | undefined {
  if (template === "") return "it is empty";
  if (template.length > CHARS_MAX) return `it is longer than ${CHARS_MAX} characters`;
  try {
    new Parser(template).check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Envoy: UriTemplate::Internal::parseURLPatternSyntax. */
class Parser {
  readonly pieces: Piece[] = [];
  readonly #names: string[] = [];
  #rest: string;

  constructor(template: string) {
    if (!PRINTABLE.test(template)) throw new Error("a path of printable characters is wanted");
    this.#rest = template.slice(1);
    this.#text("/");
    while (this.#rest !== "") {
      this.#segment();
      if (this.#rest === "/") {
        this.#text("/");
        this.#rest = "";
      } else if (this.#rest.startsWith("/")) {
        this.#text("/");
        this.#rest = this.#rest.slice(1);
      } else if (this.#rest !== "") {
        this.#suffix();
      }
    }
  }

  check(): void {
    if (this.#names.length > VARIABLES_MAX) {
      throw new Error(`it has more than ${VARIABLES_MAX} variables`);
    }
    if (new Set(this.#names).size < this.#names.length) throw new Error("a variable stands twice");
    const stars = this.pieces.findIndex(({ kind }) => kind === "stars");
    if (stars < 0) return;
    if (this.pieces.slice(stars + 1).some(({ kind }) => kind !== "text")) {
      throw new Error("nothing but text may stand behind **");
    }
  }

  #text(text: string): void {
    this.pieces.push({ kind: "text", text });
  }

  #segment(): void {
    if (this.#rest.startsWith("*")) this.#rest = this.#star(this.#rest);
    else if (this.#rest.startsWith("{")) this.#variable();
    else this.#rest = this.#literal(this.#rest);
  }

  /** Takes a star off the text, and gives what is left. */
  #star(text: string): string {
    const stars = text.startsWith("**");
    this.pieces.push({ kind: stars ? "stars" : "star" });
    return text.slice(stars ? 2 : 1);
  }

  #literal(text: string): string {
    const slash = text.indexOf("/");
    const literal = slash < 0 ? text : text.slice(0, slash);
    if (!LITERAL.test(literal)) throw new Error(`${JSON.stringify(literal)} is no text of a path`);
    this.#text(literal);
    return text.slice(literal.length);
  }

  #suffix(): void {
    this.#rest = this.#literal(this.#rest);
    if (this.#rest !== "") throw new Error("text beside a star must be the last");
  }

  #variable(): void {
    const close = this.#rest.indexOf("}");
    if (close < 0) throw new Error("a variable's bracket is not closed");
    const inner = this.#rest.slice(1, close);
    const equals = inner.indexOf("=");
    const name = equals < 0 ? inner : inner.slice(0, equals);
    if (!VARIABLE_NAME.test(name)) throw new Error(`${JSON.stringify(name)} is no variable's name`);
    this.#names.push(name);
    if (equals < 0) this.pieces.push({ kind: "star" });
    else this.#variableMatch(inner.slice(equals + 1));
    this.#rest = this.#rest.slice(close + 1);
  }

  #variableMatch(match: string): void {
    if (match === "") throw new Error("a variable's match is empty");
    let rest = match;
    while (rest !== "") {
      rest = rest.startsWith("*") ? this.#star(rest) : this.#literal(rest);
      if (rest === "") return;
      if (!rest.startsWith("/") || rest === "/") throw new Error("a variable's match is broken");
      this.#text("/");
      rest = rest.slice(1);
    }
  }
}
