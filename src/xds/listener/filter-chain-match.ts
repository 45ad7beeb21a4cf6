import { create } from "@bufbuild/protobuf";
import { formatIp, maskIp, parseIp } from "../../base/ip-address.ts";
import type { CidrRange as CidrRangeMessage } from "../../gen/envoy/config/core/v3/address_pb.js";
import {
  type FilterChainMatch as FilterChainMatchMessage,
  FilterChainMatchSchema,
  FilterChainMatch_ConnectionSourceType as Source,
} from "../../gen/envoy/config/listener/v3/listener_components_pb.js";
import type { CidrRange, FilterChainMatch } from "../../model/listener.ts";
import type { Place } from "../check/place.ts";
import { keyOf } from "../message/scalar.ts";

const SOURCE: Readonly<Record<FilterChainMatch["sourceType"], Source>> = {
  any: Source.ANY,
  sameIpOrLoopback: Source.SAME_IP_OR_LOOPBACK,
  external: Source.EXTERNAL,
};

/** listener.v3.FilterChainMatch; undefined matches everything. */
export function decodeMatch(
  message: FilterChainMatchMessage | undefined,
  place: Place,
): FilterChainMatch {
  const transport = message?.transportProtocol ?? "";
  if (transport !== "" && transport !== "raw_buffer" && transport !== "tls") {
    place.field("transport_protocol").refuse("is not known", transport, "raw_buffer, tls");
  }
  const ranges = (list: readonly CidrRangeMessage[] | undefined, name: string) =>
    (list ?? []).map((range, i) => decodeRange(range, place.field(name).item(i)));
  return {
    destinationPort: message?.destinationPort,
    prefixRanges: ranges(message?.prefixRanges, "prefix_ranges"),
    serverNames: decodeServerNames(message, place.field("server_names")),
    applicationProtocols: message?.applicationProtocols ?? [],
    transportProtocol: transport === "raw_buffer" || transport === "tls" ? transport : "",
    directSourcePrefixRanges: ranges(
      message?.directSourcePrefixRanges,
      "direct_source_prefix_ranges",
    ),
    sourceType: keyOf(SOURCE, message?.sourceType ?? Source.ANY) ?? "any",
    sourcePrefixRanges: ranges(message?.sourcePrefixRanges, "source_prefix_ranges"),
    sourcePorts: message?.sourcePorts ?? [],
  };
}

/** Names are compared without regard to case; `*` may stand for whole labels in front alone. */
function decodeServerNames(
  message: FilterChainMatchMessage | undefined,
  place: Place,
): readonly string[] {
  return (message?.serverNames ?? []).map((name, i) => {
    const bare = name.startsWith("*.") ? name.slice(2) : name;
    if (bare === "" || bare.includes("*")) {
      place.item(i).refuse("is no server name", name, "a name, or *. and a name");
    }
    return name.toLowerCase();
  });
}

/** Without `prefix_len` its length is 0, and at most an address's, as in Envoy. */
export function decodeRange(message: CidrRangeMessage, place: Place): CidrRange {
  const { addressPrefix: address } = message;
  const bytes = parseIp(address);
  if (bytes === undefined) {
    place.field("address_prefix").refuse("is no address", address, "an IPv4 or IPv6 address");
  }
  const bits = bytes === undefined ? 0 : 8 * bytes.length;
  return { address, prefixLength: Math.min(message.prefixLen ?? 0, bits) };
}

/**
 * Refuses chains that one connection could match in every respect alike: which of them it gets
 * would be chance. As Envoy does, each value of a list counts as a match of its own.
 */
export function refuseTwins(matches: readonly FilterChainMatch[], place: Place): void {
  const seen = new Map<string, { readonly criteria: Criteria; readonly index: number }[]>();
  matches.forEach((match, index) => {
    const criteria = criteriaOf(match);
    const keys = namesOf(match).map((name) => `${match.destinationPort} ${name}`);
    const twin = keys
      .flatMap((key) => seen.get(key) ?? [])
      .find((other) => criteria.every((values, i) => shares(values, other.criteria[i] ?? [])));
    if (twin !== undefined) {
      const at = place.item(index).field("filter_chain_match");
      at.refuse("matches what another chain matches", `filter_chains[${twin.index}]`);
    }
    for (const key of keys) {
      const others = seen.get(key);
      if (others === undefined) seen.set(key, [{ criteria, index }]);
      else others.push({ criteria, index });
    }
  });
}

/** Lists that two chains must not share a value of, each. */
type Criteria = readonly (readonly string[])[];

function namesOf({ serverNames }: FilterChainMatch): readonly string[] {
  return serverNames.length === 0 ? [""] : serverNames;
}

function criteriaOf(match: FilterChainMatch): Criteria {
  return [
    match.prefixRanges.map(rangeKey),
    [match.transportProtocol],
    match.applicationProtocols,
    match.directSourcePrefixRanges.map(rangeKey),
    [match.sourceType],
    match.sourcePrefixRanges.map(rangeKey),
    match.sourcePorts.map(String),
  ].map((values) => (values.length === 0 ? [""] : values));
}

function rangeKey({ address, prefixLength }: CidrRange): string {
  const bytes = parseIp(address);
  if (bytes === undefined) return address;
  return `${formatIp(maskIp(bytes, prefixLength))}/${prefixLength}`;
}

function shares(a: readonly string[], b: readonly string[]): boolean {
  return a.some((value) => b.includes(value));
}

/** Undefined where everything matches. */
export function encodeMatch(match: FilterChainMatch): FilterChainMatchMessage | undefined {
  const { destinationPort, sourceType, transportProtocol } = match;
  const lists = [
    match.prefixRanges,
    match.serverNames,
    match.applicationProtocols,
    match.directSourcePrefixRanges,
    match.sourcePrefixRanges,
    match.sourcePorts,
  ];
  const empty =
    destinationPort === undefined &&
    lists.every((list) => list.length === 0) &&
    sourceType === "any" &&
    transportProtocol === "";
  if (empty) return undefined;
  return create(FilterChainMatchSchema, {
    ...(destinationPort === undefined ? {} : { destinationPort }),
    prefixRanges: match.prefixRanges.map(encodeRange),
    serverNames: [...match.serverNames],
    applicationProtocols: [...match.applicationProtocols],
    transportProtocol,
    directSourcePrefixRanges: match.directSourcePrefixRanges.map(encodeRange),
    sourceType: SOURCE[sourceType],
    sourcePrefixRanges: match.sourcePrefixRanges.map(encodeRange),
    sourcePorts: [...match.sourcePorts],
  });
}

export function encodeRange({ address, prefixLength }: CidrRange): {
  readonly addressPrefix: string;
  readonly prefixLen: number;
} {
  return { addressPrefix: address, prefixLen: prefixLength };
}
