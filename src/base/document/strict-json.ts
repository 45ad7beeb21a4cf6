export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** An object. */
export type JsonFields = { readonly [key: string]: JsonValue };

/** As deep as protobuf's own parser goes. */
const DEPTH_MAX = 100;

/**
 * A JSON object that every reader understands alike: undefined where a name stands twice in one
 * object, where a number is no finite one, where it is nested too deeply, or where it is no JSON.
 */
export function parseStrictJson(text: string): JsonFields | undefined {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  if (!isUnequivocal(text) || !isAllFinite(value)) return undefined;
  return value as JsonFields;
}

/** Reads legal JSON once more for names: parsers differ in which of two they believe. */
function isUnequivocal(text: string): boolean {
  /** Names of the objects that are open; undefined for lists. */
  const open: (Set<string> | undefined)[] = [];
  let nameNext = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{" || character === "[") {
      if (open.length === DEPTH_MAX) return false;
      open.push(character === "{" ? new Set() : undefined);
      nameNext = character === "{";
    } else if (character === "}" || character === "]") {
      open.pop();
    } else if (character === ",") {
      nameNext = open.at(-1) !== undefined;
    } else if (character === '"') {
      const end = endOfString(text, at);
      if (nameNext && !addName(open.at(-1), text.slice(at, end))) return false;
      nameNext = false;
      at = end - 1;
    }
  }
  return true;
}

/** Behind the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** `quoted`: as it stands in the text; escapes may spell one name in several ways. */
function addName(names: Set<string> | undefined, quoted: string): boolean {
  const name = JSON.parse(quoted) as string;
  if (names === undefined || names.has(name)) return false;
  names.add(name);
  return true;
}

function isAllFinite(value: JsonValue): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (value === null || typeof value !== "object") return true;
  return Object.values(value).every(isAllFinite);
}
