import { encodeGrpcMessage } from "../../codec/grpc/message-text.ts";
import { grpcStatusOfHttp } from "../../codec/grpc/status.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";

/** An answer that the proxy makes itself. */
export interface LocalReply {
  readonly status: number;
  readonly body: string;
  /** `FLAG_…` bits. */
  readonly flag: number;
  /** Envoy's response code details. */
  readonly details: string;
  /** Other headers, names in lower case. */
  readonly headers?: readonly (readonly [string, string])[];
  /** Says to a gRPC call what its HTTP status would not. */
  readonly grpcStatus?: number;
  /** What the cluster counts instead of `status`; 0: nothing, it is not the router's answer. */
  readonly clusterStatus?: number;
  /** It is the router's answer, but no attempt is answered by it: the cluster counts nothing. */
  readonly uncounted?: boolean;
  /** The connection must not be used again. */
  readonly close?: boolean;
}

/** The same answer to a gRPC call: one head and no body (Envoy: Utility::prepareLocalReply). */
export function grpcReply(reply: LocalReply, method: string): LocalReply {
  const { body, clusterStatus = reply.status } = reply;
  const status = reply.grpcStatus ?? grpcStatusOfHttp(reply.status);
  const headers = [...(reply.headers ?? []), ["content-type", "application/grpc"] as const];
  headers.push(["grpc-status", String(status)]);
  if (body !== "" && method !== "HEAD") headers.push(["grpc-message", encodeGrpcMessage(body)]);
  return { ...reply, status: 200, body: "", headers, grpcStatus: status, clusterStatus };
}

/** A client takes bytes behind such a head for the next response (RFC 9112 section 6.3). */
export function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}

/** Its headers, in Envoy's order. */
export function localReplyHeaders(reply: LocalReply): HeaderTable {
  const table = new HeaderTable();
  for (const [name, value] of reply.headers ?? []) table.addName(name, value);
  if (reply.body === "" || isBodiless(reply.status)) return table;
  table.addName("content-length", String(Buffer.byteLength(reply.body)));
  if (table.findName("content-type") < 0) table.addName("content-type", "text/plain");
  return table;
}
