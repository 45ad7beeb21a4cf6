type Piece = (date: Date) => string;

const DEFAULT = "%Y-%m-%dT%H:%M:%S.%3fZ";

/** What `%START_TIME(...)%` may hold: strftime's, and Envoy's digits of seconds. */
const PIECES: Readonly<Record<string, Piece>> = {
  "%": () => "%",
  Y: (date) => String(date.getUTCFullYear()),
  m: (date) => two(date.getUTCMonth() + 1),
  d: (date) => two(date.getUTCDate()),
  H: (date) => two(date.getUTCHours()),
  M: (date) => two(date.getUTCMinutes()),
  S: (date) => two(date.getUTCSeconds()),
  F: (date) => date.toISOString().slice(0, 10),
  T: (date) => date.toISOString().slice(11, 19),
  b: (date) => MONTHS[date.getUTCMonth()] ?? "",
  z: () => "+0000",
  Z: () => "UTC",
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  f: (date) => fraction(date, 9),
};

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const SPECIFIER = /%([1-9])f|%E([1-9])S|%([a-zA-Z%])|%/g;

/**
 * Compiles a time format, in UTC; empty: ISO 8601 with milliseconds. Returns what is wrong with it
 * as a text instead, where it holds a specifier that is not known.
 */
export function compileTimeFormat(format: string): Piece | string {
  const pieces: Piece[] = [];
  const source = format === "" ? DEFAULT : format;
  let end = 0;
  for (const match of source.matchAll(SPECIFIER)) {
    const before = source.slice(end, match.index);
    end = match.index + match[0].length;
    const piece = pieceOf(match);
    if (piece === undefined) return `the time format ${match[0]} is not known`;
    pieces.push(() => before, piece);
  }
  const rest = source.slice(end);
  return (date) => pieces.map((piece) => piece(date)).join("") + rest;
}

function pieceOf([, digits, secondDigits, letter]: RegExpMatchArray): Piece | undefined {
  if (digits !== undefined) return (date) => fraction(date, Number(digits));
  if (secondDigits !== undefined) {
    return (date) => `${two(date.getUTCSeconds())}.${fraction(date, Number(secondDigits))}`;
  }
  return letter === undefined ? undefined : PIECES[letter];
}

/** Clocks here count milliseconds: further digits are zeros. */
function fraction(date: Date, digits: number): string {
  return String(date.getUTCMilliseconds()).padStart(3, "0").padEnd(digits, "0").slice(0, digits);
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
