import { ID } from "../../codec/http/header-name.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";
import type { RequestMessage, ResponseMessage } from "../../codec/http/message.ts";
import type { CircuitFallback } from "../../model/resilience/circuit-breaker.ts";
import type { ClusterSlot } from "../cluster/cluster-slot.ts";
import { isBodiless } from "../reply/local-reply.ts";
import { type KeptAnswer, keptHead } from "./last-good/kept-answer.ts";
import type { LastGoodStore } from "./last-good/last-good-store.ts";

type StaticFallback = Extract<CircuitFallback, { readonly kind: "static" }>;

/** What a refused or failed call gets, ready for use. */
export type CompiledFallback =
  | { readonly kind: "static"; readonly said: StaticFallback; readonly body: Buffer }
  | { readonly kind: "cluster"; readonly slot: ClusterSlot }
  | { readonly kind: "lastGood"; readonly store: LastGoodStore };

/** An answer in the place of the upstream's. */
export interface StandIn {
  readonly head: ResponseMessage;
  readonly body: Buffer;
}

/** Says to the client, and to whoever looks at it later, that the upstream did not say this. */
const MARK = "x-outrigger-fallback";
const GRPC_STATUS = "grpc-status";
const NO_BODY: Buffer = Buffer.alloc(0);

export function markFallback(headers: HeaderTable, kind: CircuitFallback["kind"]): void {
  headers.setName(MARK, kind);
}

/**
 * The policy's own answer; undefined where it is none: a gRPC call cannot read such a body, so it
 * is answered only where the headers say a `grpc-status`, and with them alone.
 */
export function staticStandIn(
  { body, said }: Extract<CompiledFallback, { readonly kind: "static" }>,
  request: RequestMessage,
  grpc: boolean,
): StandIn | undefined {
  const headers = new HeaderTable();
  for (const { name, value } of said.headers) headers.addName(name, value);
  if (grpc && headers.findName(GRPC_STATUS) < 0) return undefined;
  markFallback(headers, "static");
  if (grpc) {
    headers.set(ID["content-type"], "application/grpc");
    return { head: headOf(headers, 200, NO_BODY, request, true), body: NO_BODY };
  }
  const bodiless = isBodiless(said.status);
  const sent = bodiless ? NO_BODY : body;
  if (sent.length > 0 && headers.findName("content-type") < 0) {
    headers.addName("content-type", "text/plain");
  }
  return { head: headOf(headers, said.status, sent, request, bodiless), body: sent };
}

/** `asked`: the upstream was, in vain. */
export function keptStandIn(
  kept: KeptAnswer,
  request: RequestMessage,
  nowMs: number,
  asked: boolean,
): StandIn {
  const head = keptHead(kept, nowMs, asked);
  markFallback(head.headers, "lastGood");
  const silent = request.method === "HEAD";
  return { head: silent ? { ...head, body: "none" } : head, body: silent ? NO_BODY : kept.body };
}

/** `silent`: it must not say how long its body is. */
function headOf(
  headers: HeaderTable,
  status: number,
  body: Buffer,
  { method, version }: RequestMessage,
  silent: boolean,
): ResponseMessage {
  if (!silent) headers.set(ID["content-length"], String(body.length));
  const hasBody = body.length > 0 && method !== "HEAD";
  const kind = hasBody ? "length" : "none";
  return { headers, status, version, body: kind, contentLength: body.length };
}
