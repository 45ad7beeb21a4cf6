import type { StringMatch } from "../../../../model/route.ts";

/** Any text that is not empty: what a lone `*` asks for. */
export const ANY_TEXT: StringMatch = { kind: "regex", value: ".+", ignoreCase: false };

/** Istio's strings: exact, `abc*`, `*abc`, `*` for any that is there. */
export function textMatch(text: string): StringMatch {
  if (text === "*") return ANY_TEXT;
  if (text.startsWith("*")) return { kind: "suffix", value: text.slice(1), ignoreCase: false };
  if (text.endsWith("*")) return { kind: "prefix", value: text.slice(0, -1), ignoreCase: false };
  return exactly(text);
}

export function exactly(value: string): StringMatch {
  return { kind: "exact", value, ignoreCase: false };
}

/** RE2, of the whole text. */
export function regexMatch(value: string): StringMatch {
  return { kind: "regex", value, ignoreCase: false };
}

/** The text stands for itself in a regular expression. */
export function literal(text: string): string {
  return text.replaceAll(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}

/** As `literal`, but stars stand for `any`, a regular expression. */
export function starred(text: string, any: string): string {
  return text.split("*").map(literal).join(any);
}
