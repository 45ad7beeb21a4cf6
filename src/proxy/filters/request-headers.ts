// hot path: no allocation per request
import { randomUUID } from "node:crypto";
import { headerSet, ID, type KnownHeader } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { CompiledHcm } from "../compile/compiled-hcm.ts";
import type { Downstream } from "../downstream.ts";

/** Removed from every request that does not come from inside (Envoy: cleanInternalHeaders). */
const INTERNAL_NAMES: readonly KnownHeader[] = [
  "x-envoy-internal",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-upstream-stream-duration-ms",
];
const INTERNAL_ONLY: readonly number[] = INTERNAL_NAMES.map((name) => ID[name]);
const INTERNAL = headerSet(INTERNAL_NAMES);

/** Removed at the edge too, where clients are strangers. */
const EDGE_ONLY: readonly number[] = [
  ID["x-envoy-decorator-operation"],
  ID["x-envoy-downstream-service-cluster"],
  ID["x-envoy-downstream-service-node"],
  ID["x-envoy-original-path"],
];

/**
 * What the connection manager makes of a request's headers before routing (Envoy:
 * ConnectionManagerUtility::mutateRequestHeaders). Unless the connection manager says so no
 * address counts as internal, Envoy's default since 1.33: then headers that change retries and
 * timeouts are never believed.
 */
export function prepareRequestHeaders(headers: HeaderTable, down: Downstream): void {
  const { hcm } = down;
  const { config } = hcm;
  const internal = hcm.internalClients?.include(headers, down.remoteIp) === true;
  if (config.useRemoteAddress) forwardAsEdge(headers, down, internal);
  else if (!headers.has(ID["x-forwarded-proto"])) setForwardedProto(headers, down);
  if (internal) headers.set(ID["x-envoy-internal"], "true");
  else removeInternal(headers);
  hcm.clientCertificate.apply(headers, down.tls);
  if (config.generateRequestId) setRequestId(headers, hcm, internal);
  if (config.via !== "") appendVia(headers, config.via);
}

/** What no client says. */
export function removeInternal(headers: HeaderTable): void {
  if (headers.hasAny(INTERNAL)) removeAll(headers, INTERNAL_ONLY);
}

/** One line for all that it came through (Envoy: appendVia). */
export function appendVia(headers: HeaderTable, via: string): void {
  const before = headers.get(ID.via);
  headers.set(ID.via, before === undefined ? via : `${before}, ${via}`);
}

/** The protocol in which the client reached this proxy. */
function setForwardedProto(headers: HeaderTable, { secure }: Downstream): void {
  headers.set(ID["x-forwarded-proto"], secure ? "https" : "http");
}

function forwardAsEdge(headers: HeaderTable, down: Downstream, internal: boolean): void {
  const { hcm, remoteIp: remoteAddress } = down;
  const { config } = hcm;
  const trusted = config.xffNumTrustedHops > 0;
  if (!config.skipXffAppend) appendForwardedFor(headers, hcm, remoteAddress);
  if (!trusted || !headers.has(ID["x-forwarded-proto"])) setForwardedProto(headers, down);
  if (internal) return;
  removeAll(headers, EDGE_ONLY);
  headers.set(ID["x-envoy-external-address"], remoteAddress);
}

/** Envoy writes its own address where the client is on the same machine. */
function appendForwardedFor(headers: HeaderTable, hcm: CompiledHcm, remoteAddress: string): void {
  const loopback = remoteAddress.startsWith("127.") || remoteAddress === "::1";
  const address = loopback ? hcm.localAddress : remoteAddress;
  const before = headers.joined("x-forwarded-for");
  headers.set(ID["x-forwarded-for"], before === undefined ? address : `${before},${address}`);
}

/** Edges make a new id, unless told to keep a client's; others keep what is there. */
function setRequestId(headers: HeaderTable, { config }: CompiledHcm, internal: boolean): void {
  const replace = !internal && config.useRemoteAddress && !config.preserveExternalRequestId;
  if (replace || !headers.has(ID["x-request-id"])) headers.set(ID["x-request-id"], randomUUID());
}

function removeAll(headers: HeaderTable, ids: readonly number[]): void {
  for (let i = 0; i < ids.length; i++) headers.remove(ids[i] as number);
}
