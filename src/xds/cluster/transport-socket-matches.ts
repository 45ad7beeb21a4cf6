import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import type {
  Cluster_TransportSocketMatch as MatchMessage,
  Cluster_TransportSocketMatchSchema as MatchSchema,
} from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import type { TransportSocketMatch } from "../../model/cluster.ts";
import type { Place } from "../check/place.ts";
import { RAW_SOCKET } from "../tls/raw-socket.ts";
import { decodeUpstreamTls, encodeUpstreamTls } from "../tls/transport-socket.ts";

/** Cluster.transport_socket_matches; nothing where there are none. */
export function decodeSocketMatches(
  messages: readonly MatchMessage[],
  place: Place,
): { readonly transportSocketMatches?: readonly TransportSocketMatch[] } {
  if (messages.length === 0) return {};
  return {
    transportSocketMatches: messages.map((message, i) => decodeMatch(message, place.item(i))),
  };
}

function decodeMatch({ match, name, transportSocket }: MatchMessage, place: Place) {
  const at = place.field("transport_socket");
  if (transportSocket === undefined) at.refuse("is missing");
  return {
    name,
    match: decodeLabels(match ?? {}, place.field("match")),
    tls: decodeUpstreamTls(transportSocket, at),
  };
}

/** Envoy compares any values; nobody writes others than texts. */
function decodeLabels(
  match: Readonly<Record<string, JsonValue>>,
  place: Place,
): Readonly<Record<string, string>> {
  const labels: [string, string][] = [];
  for (const [key, value] of Object.entries(match)) {
    if (typeof value === "string") labels.push([key, value]);
    else place.field(key).refuse("is no text, and only texts are compared", JSON.stringify(value));
  }
  return Object.fromEntries(labels);
}

export function encodeSocketMatches(
  matches: readonly TransportSocketMatch[],
): MessageInitShape<typeof MatchSchema>[] {
  return matches.map(({ match, name, tls }) => ({
    name,
    match: { ...match },
    transportSocket: tls === undefined ? RAW_SOCKET : encodeUpstreamTls(tls),
  }));
}
