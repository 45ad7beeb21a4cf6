import { compileFormat, type FormatPart } from "./compile-format.ts";
import type { FormatSource } from "./source.ts";

export interface Template {
  /** True without operators. */
  readonly constant: boolean;
  format(source: FormatSource): string;
}

/**
 * A header's value with Envoy's `%OPERATORS%`, as bytes, one a character: what is beyond ASCII is
 * UTF-8. Throws a RangeError where an operator is wrong.
 */
export function compileTemplate(text: string): Template {
  const parts = compileFormat(bytesOf(text));
  if (parts.every((part) => typeof part === "string")) {
    const value = parts.join("");
    return { constant: true, format: () => value };
  }
  return { constant: false, format: (source) => clean(formatAll(parts, source)) };
}

/** What has no value is empty. */
function formatAll(parts: readonly FormatPart[], source: FormatSource): string {
  let text = "";
  for (const part of parts) text += typeof part === "string" ? part : (part(source) ?? "");
  return text;
}

const BEYOND_BYTES = /[\u0100-\uffff]+/g;
/** RFC 9110 section 5.5; a parameter of a query may hold any byte once it is unescaped. */
const NO_FIELD_CONTENT = /[^\t\x20-\x7e\x80-\xff]/g;

/**
 * A value never breaks out of its line, nor out of what a strict server takes. A certificate's name
 * may hold any character, and on the wire each is one byte: of U+010A that would be a line feed.
 */
function clean(value: string): string {
  return value.replaceAll(BEYOND_BYTES, bytesOf).replaceAll(NO_FIELD_CONTENT, "");
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString("latin1");
}
