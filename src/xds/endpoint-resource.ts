import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { HealthStatus as Health } from "../gen/envoy/config/core/v3/health_check_pb.js";
import {
  type Endpoint_AdditionalAddress as AdditionalAddress,
  Endpoint_AdditionalAddressSchema as AdditionalAddressSchema,
  type Endpoint_HealthCheckConfig as CheckConfig,
  type EndpointSchema,
  type LbEndpoint,
  LbEndpointSchema,
  type LocalityLbEndpoints,
  LocalityLbEndpointsSchema,
} from "../gen/envoy/config/endpoint/v3/endpoint_components_pb.js";
import {
  ClusterLoadAssignmentSchema,
  type ClusterLoadAssignment as LoadAssignmentMessage,
} from "../gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { Address } from "../model/address.ts";
import {
  type ClusterLoadAssignment,
  type Endpoint,
  type EndpointCheck,
  type HealthStatus,
  type Locality,
  type LocalityEndpoints,
  NO_LOCALITY,
  OVERPROVISIONING_FACTOR,
} from "../model/endpoint.ts";
import { checkMessage } from "./check/check.ts";
import type { Place } from "./check/place.ts";
import { decodeAddress, encodeAddress } from "./message/address.ts";
import type { EncodeFor } from "./message/flavor.ts";
import {
  decodeHashKey,
  decodeSocketMatch,
  decodeUnreachable,
  decodeWorkload,
  encodeEndpointMetadata,
  encodeLocalityMetadata,
} from "./message/metadata.ts";

/** Envoy picks no host that is UNHEALTHY or TIMEOUT; UNKNOWN counts as healthy. */
const HEALTH: Readonly<Record<Health, HealthStatus>> = {
  [Health.UNKNOWN]: "healthy",
  [Health.HEALTHY]: "healthy",
  [Health.UNHEALTHY]: "unhealthy",
  [Health.DRAINING]: "draining",
  [Health.TIMEOUT]: "unhealthy",
  [Health.DEGRADED]: "degraded",
};

const WEIGHT_MAX = 4_294_967_295;

const HEALTH_CODE: Readonly<Record<HealthStatus, Health>> = {
  healthy: Health.UNKNOWN,
  unhealthy: Health.UNHEALTHY,
  degraded: Health.DEGRADED,
  draining: Health.DRAINING,
};

export function decodeLoadAssignment(
  message: LoadAssignmentMessage,
  place: Place,
): ClusterLoadAssignment {
  const at = place.field("endpoints");
  const localities = message.endpoints.map((entry, i) => decodeLocality(entry, at.item(i)));
  refuseOverweight(localities, at);
  return {
    clusterName: message.clusterName,
    localities,
    overprovisioningFactor: message.policy?.overprovisioningFactor ?? OVERPROVISIONING_FACTOR,
  };
}

/** Envoy adds them up in 32 bits: endpoints of a locality, and localities of a priority. */
function refuseOverweight(localities: readonly LocalityEndpoints[], place: Place): void {
  const sums = new Map<number, number>();
  for (const [i, { priority, weight, endpoints }] of localities.entries()) {
    const sum = (sums.get(priority) ?? 0) + weight;
    sums.set(priority, sum);
    if (sum > WEIGHT_MAX) {
      const field = place.item(i).field("load_balancing_weight");
      field.refuse("make the priority weigh too much", sum, `a sum of at most ${WEIGHT_MAX}`);
    }
    const inside = endpoints.reduce((total, one) => total + one.weight, 0);
    if (inside <= WEIGHT_MAX) continue;
    const field = place.item(i).field("lb_endpoints");
    field.refuse("weigh too much", inside, `a sum of at most ${WEIGHT_MAX}`);
  }
}

function decodeLocality(message: LocalityLbEndpoints, place: Place): LocalityEndpoints {
  const endpoints = place.field("lb_endpoints");
  return {
    locality: localityOf(message),
    priority: message.priority,
    weight: message.loadBalancingWeight ?? 0,
    ...decodeSocketMatch(message.metadata),
    endpoints: message.lbEndpoints.map((entry, i) => decodeEndpoint(entry, endpoints.item(i))),
  };
}

function localityOf(message: LocalityLbEndpoints): Locality {
  const { locality } = message;
  if (locality === undefined) return NO_LOCALITY;
  return { region: locality.region, zone: locality.zone, subZone: locality.subZone };
}

function decodeEndpoint(message: LbEndpoint, place: Place): Endpoint {
  const { hostIdentifier: host } = message;
  const endpoint = host.case === "endpoint" ? host.value : undefined;
  const at = place.field("endpoint");
  if (endpoint === undefined) at.refuse("is missing");
  return {
    address: decodeAddress(endpoint?.address, at.field("address")),
    ...decodeAlternatives(endpoint?.additionalAddresses ?? [], at.field("additional_addresses")),
    hostname: endpoint?.hostname ?? "",
    hashKey: decodeHashKey(message.metadata),
    health: HEALTH[message.healthStatus],
    ...decodeCheck(endpoint?.healthCheckConfig, at.field("health_check_config")),
    weight: message.loadBalancingWeight ?? 1,
    ...decodeSocketMatch(message.metadata),
    ...decodeUnreachable(message.metadata),
    workload: decodeWorkload(message.metadata),
  };
}

function decodeAlternatives(
  messages: readonly AdditionalAddress[],
  place: Place,
): { readonly alternatives?: readonly Address[] } {
  if (messages.length === 0) return {};
  const at = (i: number): Place => place.item(i).field("address");
  return { alternatives: messages.map(({ address }, i) => decodeAddress(address, at(i))) };
}

function decodeCheck(
  config: CheckConfig | undefined,
  place: Place,
): { readonly check?: EndpointCheck } {
  if (config === undefined) return {};
  const { portValue: port, hostname, disableActiveHealthCheck: disabled } = config;
  if (port > 65_535) place.field("port_value").refuse("is no port", port, "0 to 65535");
  return { check: { port, hostname, disabled } };
}

/**
 * The same as `decodeLoadAssignment`, from bytes and a piece at a time: it yields after every
 * endpoint, so that 50,000 of them need not be decoded in one turn of the event loop.
 */
export function* decodeLoadAssignmentSlowly(
  bytes: Uint8Array,
  place: Place,
): Generator<void, ClusterLoadAssignment> {
  const at = place.field("endpoints");
  const localities: LocalityEndpoints[] = [];
  const parts = new Parts(bytes, ClusterLoadAssignmentSchema.field.endpoints.number);
  for (let child = parts.next(); child !== undefined; child = parts.next()) {
    localities.push(yield* decodeLocalitySlowly(child, at.item(localities.length)));
  }
  const shell = fromBinary(ClusterLoadAssignmentSchema, parts.rest());
  checkMessage(ClusterLoadAssignmentSchema, shell, place);
  refuseOverweight(localities, at);
  return {
    clusterName: shell.clusterName,
    localities,
    overprovisioningFactor: shell.policy?.overprovisioningFactor ?? OVERPROVISIONING_FACTOR,
  };
}

function* decodeLocalitySlowly(
  bytes: Uint8Array,
  place: Place,
): Generator<void, LocalityEndpoints> {
  const list = place.field("lb_endpoints");
  const endpoints: Endpoint[] = [];
  const parts = new Parts(bytes, LocalityLbEndpointsSchema.field.lbEndpoints.number);
  for (let child = parts.next(); child !== undefined; child = parts.next()) {
    const message = fromBinary(LbEndpointSchema, child);
    const at = list.item(endpoints.length);
    checkMessage(LbEndpointSchema, message, at);
    endpoints.push(decodeEndpoint(message, at));
    yield;
  }
  const shell = fromBinary(LocalityLbEndpointsSchema, parts.rest());
  checkMessage(LocalityLbEndpointsSchema, shell, place);
  return {
    locality: localityOf(shell),
    priority: shell.priority,
    weight: shell.loadBalancingWeight ?? 0,
    ...decodeSocketMatch(shell.metadata),
    endpoints,
  };
}

/** The elements of one repeated message field, one by one, and the bytes of all other fields. */
class Parts {
  readonly #bytes: Uint8Array;
  readonly #reader: BinaryReader;
  readonly #fieldNumber: number;
  readonly #others: Uint8Array[] = [];

  constructor(bytes: Uint8Array, fieldNumber: number) {
    this.#bytes = bytes;
    this.#reader = new BinaryReader(bytes);
    this.#fieldNumber = fieldNumber;
  }

  next(): Uint8Array | undefined {
    const reader = this.#reader;
    while (reader.pos < reader.len) {
      const start = reader.pos;
      const [number, wireType] = reader.tag();
      if (number === this.#fieldNumber && wireType === WireType.LengthDelimited) {
        return reader.bytes();
      }
      reader.skip(wireType, number);
      this.#others.push(this.#bytes.subarray(start, reader.pos));
    }
    return undefined;
  }

  /** Once `next` has nothing more. */
  rest(): Uint8Array {
    return Buffer.concat(this.#others);
  }
}

export function encodeLoadAssignment(
  assignment: ClusterLoadAssignment,
  target: EncodeFor,
): LoadAssignmentMessage {
  const { overprovisioningFactor } = assignment;
  return create(ClusterLoadAssignmentSchema, {
    clusterName: assignment.clusterName,
    endpoints: assignment.localities.map((entry) => encodeLocality(entry, target)),
    ...(overprovisioningFactor === OVERPROVISIONING_FACTOR
      ? {}
      : { policy: { overprovisioningFactor } }),
  });
}

function encodeLocality(entry: LocalityEndpoints, target: EncodeFor): LocalityLbEndpoints {
  const metadata = encodeLocalityMetadata(entry);
  return create(LocalityLbEndpointsSchema, {
    ...(metadata === undefined ? {} : { metadata }),
    ...(isNowhere(entry.locality) ? {} : { locality: { ...entry.locality } }),
    priority: entry.priority,
    ...(entry.weight === 0 ? {} : { loadBalancingWeight: entry.weight }),
    lbEndpoints: entry.endpoints.map((endpoint) => encodeEndpoint(endpoint, target)),
  });
}

function isNowhere(locality: Locality): boolean {
  return locality.region === "" && locality.zone === "" && locality.subZone === "";
}

function encodeCheck(check: EndpointCheck | undefined): MessageInitShape<typeof EndpointSchema> {
  if (check === undefined) return {};
  const { port: portValue, hostname, disabled: disableActiveHealthCheck } = check;
  return { healthCheckConfig: { portValue, hostname, disableActiveHealthCheck } };
}

function encodeEndpoint(endpoint: Endpoint, target: EncodeFor): LbEndpoint {
  const metadata = encodeEndpointMetadata(endpoint, target === "outrigger");
  const value: MessageInitShape<typeof LbEndpointSchema> = {
    hostIdentifier: {
      case: "endpoint",
      value: {
        address: encodeAddress(endpoint.address),
        hostname: endpoint.hostname,
        ...encodeCheck(endpoint.check),
        additionalAddresses: (endpoint.alternatives ?? []).map((each) =>
          create(AdditionalAddressSchema, { address: encodeAddress(each) }),
        ),
      },
    },
    healthStatus: HEALTH_CODE[endpoint.health],
    loadBalancingWeight: endpoint.weight,
  };
  if (metadata !== undefined) value.metadata = metadata;
  return create(LbEndpointSchema, value);
}
