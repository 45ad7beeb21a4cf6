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
  /** The connection must not be used again. */
  readonly close?: boolean;
}

/** Its headers, in Envoy's order. */
export function localReplyHeaders(reply: LocalReply): HeaderTable {
  const table = new HeaderTable();
  for (const [name, value] of reply.headers ?? []) table.addName(name, value);
  if (reply.body === "") return table;
  table.addName("content-length", String(Buffer.byteLength(reply.body)));
  table.addName("content-type", "text/plain");
  return table;
}
