const UNSAFE = /[^\x20-\x7e]|["\\]/g;

/**
 * A value as a log line holds it: printable ASCII. Quotes and backslashes get a backslash, every
 * other byte is `\xHH` (beyond a byte: `\uHHHH`), so that nothing that a client sends ends its
 * line, closes its quotes or moves a terminal's cursor. Envoy writes the bytes as they came.
 */
export function escapeLogValue(value: string): string {
  return value.replace(UNSAFE, escapeOne);
}

function escapeOne(character: string): string {
  if (character === '"' || character === "\\") return `\\${character}`;
  const code = character.charCodeAt(0);
  const digits = code.toString(16).toUpperCase();
  return code <= 0xff ? `\\x${digits.padStart(2, "0")}` : `\\u${digits.padStart(4, "0")}`;
}
