/** What every text that a regular expression matches begins with. */

/** Their meaning is not their own, or may become another's: the literal ends before them. */
const SPECIAL: ReadonlySet<string> = new Set("()[]{}.*+?^$|\\");
/** They make the character before them one that need not be there. */
const LOOSENS: ReadonlySet<string> = new Set("*?{");

function isPlain(character: string): boolean {
  return character >= " " && character <= "~";
}

/** An escape that stands for the character itself (RE2: `\pP` of ASCII). */
function isEscaped(character: string): boolean {
  return isPlain(character) && !/[0-9A-Za-z]/.test(character);
}

/** Of RE2 syntax that must match a whole text; empty where nothing is certain. */
export function literalPrefix(pattern: string): string {
  // Another alternative may begin otherwise.
  if (pattern.includes("|")) return "";
  let at = pattern.startsWith("^") ? 1 : 0;
  let literal = "";
  for (; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    const next = pattern.charAt(at + 1);
    if (character === "\\" && isEscaped(next)) {
      literal += next;
      at++;
    } else if (SPECIAL.has(character) || !isPlain(character)) {
      return LOOSENS.has(character) ? literal.slice(0, -1) : literal;
    } else literal += character;
  }
  return literal;
}
