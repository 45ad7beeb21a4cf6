import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Cluster as ClusterMessage,
  type ClusterSchema,
  Cluster_DnsLookupFamily as Family,
} from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import {
  type CaresDnsResolverConfig,
  CaresDnsResolverConfigSchema,
} from "../../gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js";
import type { SocketAddress } from "../../model/address.ts";
import { DNS_DEFAULTS, type DnsFamily, type DnsOptions } from "../../model/upstream/dns.ts";
import type { Place } from "../check/place.ts";
import { decodeAddress, encodeAddress } from "../message/address.ts";
import { pack, unpack } from "../message/any.ts";
import { durationMs, durationOr, keyOf, toDuration } from "../message/scalar.ts";

const RESOLVER_NAME = "envoy.network.dns_resolver.cares";

const FAMILY: Readonly<Record<DnsFamily, Family>> = {
  auto: Family.AUTO,
  v4Only: Family.V4_ONLY,
  v6Only: Family.V6_ONLY,
  v4Preferred: Family.V4_PREFERRED,
  all: Family.ALL,
};

/** What a cluster says of DNS. */
export function decodeDns(message: ClusterMessage, place: Place): DnsOptions {
  const { dnsFailureRefreshRate: failure, typedDnsResolverConfig: resolver } = message;
  const baseMs = durationMs(failure?.baseInterval);
  const maxMs = durationOr(failure?.maxInterval, 10 * baseMs);
  if (failure !== undefined && maxMs < baseMs) {
    const at = place.field("dns_failure_refresh_rate").field("max_interval");
    at.refuse("is below base_interval", `${maxMs} ms`, `at least ${baseMs} ms`);
  }
  const config = place.field("typed_dns_resolver_config").field("typed_config");
  const cares = unpack(resolver?.typedConfig, CaresDnsResolverConfigSchema);
  return {
    family: keyOf(FAMILY, message.dnsLookupFamily) ?? "auto",
    refreshRateMs: durationOr(message.dnsRefreshRate, DNS_DEFAULTS.refreshRateMs),
    failureRefresh: failure === undefined ? undefined : { baseMs, maxMs },
    respectTtl: message.respectDnsTtl,
    resolvers: cares === undefined ? [] : decodeResolvers(cares, config),
  };
}

function decodeResolvers({ resolvers }: CaresDnsResolverConfig, place: Place): SocketAddress[] {
  return resolvers.flatMap((message, i) => {
    const at = place.field("resolvers").item(i);
    const address = decodeAddress(message, at);
    if (address.kind === "socket") return [address];
    at.refuse("is no address of a resolver", address.path, "a socket_address");
    return [];
  });
}

/** The fields to spread into a DNS cluster. */
export function encodeDns(dns: DnsOptions): MessageInitShape<typeof ClusterSchema> {
  const init: MessageInitShape<typeof ClusterSchema> = {
    dnsLookupFamily: FAMILY[dns.family],
    dnsRefreshRate: toDuration(dns.refreshRateMs),
    respectDnsTtl: dns.respectTtl,
  };
  if (dns.failureRefresh !== undefined) {
    const { baseMs, maxMs } = dns.failureRefresh;
    init.dnsFailureRefreshRate = {
      baseInterval: toDuration(baseMs),
      maxInterval: toDuration(maxMs),
    };
  }
  if (dns.resolvers.length === 0) return init;
  const config = create(CaresDnsResolverConfigSchema, {
    resolvers: dns.resolvers.map(encodeAddress),
  });
  const typedConfig = pack(CaresDnsResolverConfigSchema, config);
  init.typedDnsResolverConfig = { name: RESOLVER_NAME, typedConfig };
  return init;
}
