import { type Address, formatAddress } from "../../../model/address.ts";
import type { ListenerRow } from "../admin-source.ts";
import { type Answer, json, TEXT } from "../answer.ts";

/** `/listeners`: `name::address` lines, or `format=json`. */
export function listenersPage(listeners: Iterable<ListenerRow>, query: URLSearchParams): Answer {
  const rows = Array.from(listeners);
  if (query.get("format") === "json") {
    return json({
      listener_statuses: rows.map(({ name, address }) => ({
        name,
        local_address: addressJson(address),
      })),
    });
  }
  const lines = rows.map(({ name, address }) => `${name}::${formatAddress(address)}\n`);
  return { status: 200, contentType: TEXT, body: lines };
}

/** Envoy: config.core.v3.Address in protobuf's JSON. */
export function addressJson(address: Address): object {
  return address.kind === "pipe"
    ? { pipe: { path: address.path } }
    : { socket_address: { address: address.host, port_value: address.port } };
}
