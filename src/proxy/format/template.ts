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

/**
 * A value never breaks out of its line. A name in a certificate may hold any character, and on the
 * wire each is one byte: of U+010A that would be a line feed.
 */
function clean(value: string): string {
  return value.replaceAll(/[\r\n\0]/g, "").replaceAll(/[\u0100-\uffff]+/g, bytesOf);
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString("latin1");
}
