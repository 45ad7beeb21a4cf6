// hot path: no allocation per request

import { statusLine } from "../../../codec/h1/status.ts";
import type { HeaderTable } from "../../../codec/http/header-table.ts";

/** A response's head. `tail`: header lines about this connection alone. */
export function responseText(
  status: number,
  headers: HeaderTable,
  tail: string,
  version = 11,
): string {
  const line = statusLine(status);
  const first = version === 11 ? line : line.replace("HTTP/1.1", "HTTP/1.0");
  return `${first}${headers.write()}${tail}\r\n`;
}
