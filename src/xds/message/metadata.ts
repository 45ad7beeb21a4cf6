import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { type Metadata, MetadataSchema } from "../../gen/envoy/config/core/v3/base_pb.js";
import type { ServiceLabels } from "../../model/cluster.ts";
import type { Endpoint, LocalityEndpoints, WorkloadLabels } from "../../model/endpoint.ts";
import type { Origin } from "../../model/origin.ts";

/** Filter metadata: `istio` as Istio writes it, `outrigger` for what only we carry. */
type FilterMetadata = {
  readonly istio?: JsonObject;
  readonly outrigger?: JsonObject;
  readonly "envoy.lb"?: JsonObject;
  readonly "envoy.transport_socket_match"?: JsonObject;
} & OurExtensions;

/** What only our own proxies execute, each under a name of its own. */
export type OurExtensions = {
  readonly "outrigger.circuit"?: JsonObject;
  readonly "outrigger.failure_accrual"?: JsonObject;
  readonly "outrigger.session"?: JsonObject;
  readonly "outrigger.retry_rate"?: JsonObject;
};

/** Undefined where there is nothing to say: the message then has no metadata at all. */
function encodeMetadata(filterMetadata: FilterMetadata): Metadata | undefined {
  const entries = Object.entries(filterMetadata);
  if (entries.length === 0) return undefined;
  return create(MetadataSchema, { filterMetadata: Object.fromEntries(entries) });
}

function struct(value: JsonValue | undefined): JsonObject | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : undefined;
}

function text(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function whole(value: JsonValue | undefined): number {
  return typeof value === "number" ? value : 1;
}

// ── origin: which YAML a listener, a route or a cluster came from ──

export function originJson(origin: Origin): JsonObject {
  const { position, rationale, kind, namespace, name, path } = origin;
  const json: JsonObject = {
    file: position.file,
    line: position.line,
    column: position.column,
    kind,
    namespace,
    name,
    path,
  };
  if (rationale !== undefined) json.rationale = rationale;
  return json;
}

export function decodeOrigin(metadata: Metadata | undefined): Origin | undefined {
  const json = struct(metadata?.filterMetadata.outrigger?.origin);
  if (json === undefined) return undefined;
  const origin: Origin = {
    position: {
      file: text(json.file),
      line: whole(json.line),
      column: whole(json.column),
    },
    kind: text(json.kind),
    namespace: text(json.namespace),
    name: text(json.name),
    path: text(json.path),
  };
  const rationale = json.rationale;
  return typeof rationale === "string" ? { ...origin, rationale } : origin;
}

/** Metadata of our own: origin, and on a listener that it is the app's `http_proxy`. */
export function encodeOurs(
  origin: Origin | undefined,
  more: JsonObject = {},
  extensions: OurExtensions = {},
): Metadata | undefined {
  const ours = origin === undefined ? more : { ...more, origin: originJson(origin) };
  const isSilent = Object.keys(ours).length === 0;
  return encodeMetadata(isSilent ? extensions : { outrigger: ours, ...extensions });
}

export function decodeExplicitProxy(metadata: Metadata | undefined): boolean {
  return metadata?.filterMetadata.outrigger?.explicitProxy === true;
}

// ── cluster: the destination service ──

/** Istio writes `istio.services[]` on clusters; real Envoys get it too, it does no harm there. */
export function encodeService(
  service: ServiceLabels | undefined,
  origin: Origin | undefined,
  extensions: OurExtensions = {},
): Metadata | undefined {
  const services = service === undefined ? undefined : [{ ...service }];
  return encodeMetadata({
    ...(services === undefined ? {} : { istio: { services } }),
    ...(origin === undefined ? {} : { outrigger: { origin: originJson(origin) } }),
    ...extensions,
  });
}

export function decodeService(metadata: Metadata | undefined): ServiceLabels | undefined {
  const services = metadata?.filterMetadata.istio?.services;
  const first = Array.isArray(services) ? struct(services[0]) : undefined;
  if (first === undefined) return undefined;
  return {
    host: text(first.host),
    name: text(first.name),
    namespace: text(first.namespace),
  };
}

// ── endpoint: the workload behind an address ──

/** What an endpoint says beside its address; undefined where it says nothing. */
export function encodeEndpointMetadata(
  {
    hashKey,
    transportSocketMatch,
    unreachable,
    workload,
  }: Pick<Endpoint, "workload" | "hashKey" | "transportSocketMatch" | "unreachable">,
  withOurs: boolean,
): Metadata | undefined {
  const ours = {
    ...(workload === undefined ? {} : ourLabels(workload)),
    ...(unreachable === undefined ? {} : { unreachable }),
  };
  return encodeMetadata({
    ...(workload === undefined ? {} : encodeWorkload(workload)),
    ...(withOurs && Object.keys(ours).length > 0 ? { outrigger: ours } : {}),
    ...(hashKey === "" ? {} : { "envoy.lb": { hash_key: hashKey } }),
    ...socketMetadata(transportSocketMatch),
  });
}

/** What all endpoints of a locality say; undefined where they say nothing. */
export function encodeLocalityMetadata({
  transportSocketMatch,
}: Pick<LocalityEndpoints, "transportSocketMatch">): Metadata | undefined {
  return encodeMetadata(socketMetadata(transportSocketMatch));
}

function socketMetadata(match: Readonly<Record<string, string>> | undefined): FilterMetadata {
  return match === undefined ? {} : { "envoy.transport_socket_match": { ...match } };
}

/** Envoy's `envoy.transport_socket_match`. What is no text matches nothing, and is left out. */
export function decodeSocketMatch(metadata: Metadata | undefined): {
  readonly transportSocketMatch?: Readonly<Record<string, string>>;
} {
  const labels = metadata?.filterMetadata["envoy.transport_socket_match"];
  if (labels === undefined) return {};
  const texts = Object.entries(labels).filter(([, value]) => typeof value === "string");
  return { transportSocketMatch: Object.fromEntries(texts) as Record<string, string> };
}

/** Envoy's `envoy.lb.hash_key`; empty where there is none, or no text. */
export function decodeHashKey(metadata: Metadata | undefined): string {
  return text(metadata?.filterMetadata["envoy.lb"]?.hash_key);
}

/** Istio's `istio.workload` is `name;namespace;canonical name;canonical revision;cluster`. */
function encodeWorkload(workload: WorkloadLabels): FilterMetadata {
  const { namespace, canonicalName, canonicalRevision, cluster } = workload;
  const joined = [workload.workload, namespace, canonicalName, canonicalRevision, cluster];
  return { istio: { workload: joined.join(";") } };
}

function ourLabels({ app, version, principal }: WorkloadLabels): JsonObject {
  return { app, version, principal };
}

/** Why an endpoint cannot take what is sent there. */
export function decodeUnreachable(metadata: Metadata | undefined): {
  readonly unreachable?: string;
} {
  const unreachable = metadata?.filterMetadata.outrigger?.unreachable;
  return typeof unreachable === "string" && unreachable !== "" ? { unreachable } : {};
}

export function decodeWorkload(metadata: Metadata | undefined): WorkloadLabels | undefined {
  const joined = metadata?.filterMetadata.istio?.workload;
  if (typeof joined !== "string") return undefined;
  const [workload = "", namespace = "", canonicalName = "", canonicalRevision = "", cluster = ""] =
    joined.split(";");
  const ours = metadata?.filterMetadata.outrigger;
  return {
    workload,
    namespace,
    canonicalName,
    canonicalRevision,
    cluster,
    app: text(ours?.app),
    version: text(ours?.version),
    principal: text(ours?.principal),
  };
}
