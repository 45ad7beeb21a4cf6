// hot path: no allocation per request
import type { Clock } from "../../base/clock.ts";
import { removeHopByHop } from "../../codec/h1/connection-field.ts";
import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { CompiledHcm } from "../compile/compiled-hcm.ts";
import { appendVia } from "./request-headers.ts";

let dateText = "";
let dateSecond = 0;
let dateValidUntilMs = 0;

/** The time as HTTP writes it (RFC 9110 section 5.6.7); made once a second. */
export function httpDate(clock: Clock, nowMs: number): string {
  if (nowMs >= dateValidUntilMs || dateText === "") {
    const wall = clock.wall();
    const second = Math.floor(wall / 1000);
    dateValidUntilMs = nowMs + 1000 - (wall - second * 1000);
    if (second !== dateSecond || dateText === "") dateText = new Date(wall).toUTCString();
    dateSecond = second;
  }
  return dateText;
}

/**
 * What becomes of an upstream's response headers first (Envoy: Router::Filter::onUpstreamHeaders):
 * what was meant for this proxy alone goes, and the time that the answer took comes.
 */
export function takeResponseHeaders(
  headers: HeaderTable,
  hcm: CompiledHcm,
  requestCompleteAtMs: number,
  nowMs: number,
): void {
  removeHopByHop(headers);
  headers.remove(ID.upgrade);
  // Between sidecars only, and no answer has it: an origin that sends it has made it up.
  headers.remove(ID["x-outrigger-carried"]);
  hcm.peers?.onResponse(headers);
  if (requestCompleteAtMs === 0) headers.remove(ID["x-envoy-upstream-service-time"]);
  else setServiceTime(headers, nowMs - requestCompleteAtMs);
}

function setServiceTime(headers: HeaderTable, tookMs: number): void {
  headers.set(ID["x-envoy-upstream-service-time"], String(Math.trunc(tookMs)));
}

/** `date` and `server` as the connection manager sets them on an upstream's response. */
export function finishResponseHeaders(
  headers: HeaderTable,
  request: HeaderTable,
  hcm: CompiledHcm,
  nowMs: number,
): void {
  const { config, context } = hcm;
  if (!headers.has(ID.date)) headers.add(ID.date, "date", httpDate(context.clock, nowMs));
  const own = config.serverHeader === "overwrite";
  const absent = config.serverHeader === "appendIfAbsent" && !headers.has(ID.server);
  if (own || absent) headers.set(ID.server, config.serverName);
  if (config.via !== "") appendVia(headers, config.via);
  const requestId = config.alwaysSetRequestIdInResponse
    ? request.get(ID["x-request-id"])
    : undefined;
  if (requestId !== undefined) headers.set(ID["x-request-id"], requestId);
}
