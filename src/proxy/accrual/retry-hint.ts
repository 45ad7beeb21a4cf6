import type { HeaderTable } from "../../codec/http/header-table.ts";

const WHOLE = /^ *([0-9]{1,9}) *$/;

/**
 * How long an answer asks its client to stay away, in milliseconds: `grpc-retry-pushback-ms`, else
 * `retry-after` in seconds or as a date (RFC 9110 section 10.2.3); 0: it does not say, or nothing
 * that can be read. `wallMs`: since 1970.
 */
export function retryHintMs(headers: HeaderTable, wallMs: number): number {
  const pushback = WHOLE.exec(textOf(headers, "grpc-retry-pushback-ms"))?.[1];
  if (pushback !== undefined) return Number(pushback);
  const after = textOf(headers, "retry-after");
  const seconds = WHOLE.exec(after)?.[1];
  if (seconds !== undefined) return Number(seconds) * 1000;
  const date = after.endsWith("GMT") ? Date.parse(after) : Number.NaN;
  return date > wallMs ? date - wallMs : 0;
}

function textOf(headers: HeaderTable, name: string): string {
  const index = headers.findName(name);
  return index < 0 ? "" : headers.value(index);
}
