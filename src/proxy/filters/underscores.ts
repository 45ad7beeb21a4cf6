// hot path: no allocation per request
import type { HeaderTable } from "../../codec/http/header-table.ts";
import { keepTrailers } from "../../codec/http/trailer-name.ts";
import type { CompiledHcm } from "../compile/compiled-hcm.ts";

/**
 * Obeys the connection manager on fields whose names hold underscores, which many servers take for
 * the same names with dashes. False: the message is refused (Envoy:
 * HeadersWithUnderscoresAction).
 */
export function takeUnderscores(headers: HeaderTable, hcm: CompiledHcm, version = 11): boolean {
  const { underscores } = hcm.config;
  if (underscores === "allow") return true;
  const { http1, http2 } = hcm.context.telemetry;
  const stats = version === 20 ? http2 : http1;
  for (let i = 0; i < headers.count; i++) {
    if (headers.removedAt(i) || !headers.name(i).includes("_")) continue;
    if (underscores === "reject") {
      stats.count("requests_rejected_with_underscores_in_headers");
      return false;
    }
    stats.count("dropped_headers_with_underscores", removeFrom(headers, i));
  }
  return true;
}

/** Leaves those that may trail a request; underscores there are not worth a refusal. */
export function takeRequestTrailers(trailers: HeaderTable, hcm: CompiledHcm): void {
  keepTrailers(trailers);
  if (hcm.config.underscores === "allow") return;
  for (let i = 0; i < trailers.count; i++) {
    if (!trailers.removedAt(i) && trailers.name(i).includes("_")) removeFrom(trailers, i);
  }
}

/** Removes all fields of that one's name; says how many there were. */
function removeFrom(headers: HeaderTable, index: number): number {
  const name = headers.name(index);
  let count = 0;
  for (let i = index; i >= 0; i = headers.findName(name, i + 1)) count++;
  headers.removeName(name);
  return count;
}
