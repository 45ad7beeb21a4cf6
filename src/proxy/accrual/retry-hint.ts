import type { HeaderTable } from "../../codec/http/header-table.ts";

/** Of any length: too much to count is for ever (RFC 9111 section 1.2.2). */
const WHOLE = /^ *([0-9]+) *$/;
/** C's asctime, which names no zone and means GMT (RFC 9110 section 5.6.7). */
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}$/;

/**
 * How long an answer asks its client to stay away, in milliseconds: `grpc-retry-pushback-ms`, else
 * `retry-after` in seconds or as a date (RFC 9110 section 10.2.3); 0: it does not say, or nothing
 * that can be read; infinite: for ever. `wallMs`: since 1970.
 */
export function retryHintMs(headers: HeaderTable, wallMs: number): number {
  const pushback = WHOLE.exec(textOf(headers, "grpc-retry-pushback-ms"))?.[1];
  if (pushback !== undefined) return Number(pushback);
  const after = textOf(headers, "retry-after");
  const seconds = WHOLE.exec(after)?.[1];
  if (seconds !== undefined) return Number(seconds) * 1000;
  const date = dateOf(after);
  return date > wallMs ? date - wallMs : 0;
}

function dateOf(text: string): number {
  if (text.endsWith("GMT")) return Date.parse(text);
  return ASCTIME.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}

function textOf(headers: HeaderTable, name: string): string {
  const index = headers.findName(name);
  return index < 0 ? "" : headers.value(index);
}
