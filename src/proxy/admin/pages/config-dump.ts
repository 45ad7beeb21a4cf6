import type { Bootstrap } from "../../../model/bootstrap.ts";
import type { ResourceType } from "../../../xds/order.ts";
import { CODECS, type ResourceModels } from "../../../xds/resource.ts";
import { resourceJson } from "../../../xds/resource-json.ts";
import type { SecretRow } from "../../secrets/secret-store.ts";
import type { AdminSource } from "../admin-source.ts";
import { type Answer, JSON_TYPE, slices } from "../answer.ts";
import { addressJson } from "./listeners.ts";
import { redact } from "./redact.ts";

const TYPE = "type.googleapis.com/envoy.admin.v3.";

/** `/config_dump`: what is served now, one resource a slice (Envoy: admin.v3.ConfigDump). */
export function configDumpPage(source: DumpSource, query: URLSearchParams): Answer {
  return slices(JSON_TYPE, dump(source, query.has("include_eds")));
}

type DumpSource = Pick<AdminSource, "bootstrap" | "configDump" | "secrets">;

function* dump(source: DumpSource, includeEds: boolean): Generator<string> {
  const { bootstrap } = source;
  const { ads } = bootstrap;
  const config = source.configDump();
  yield `{"configs": [\n${JSON.stringify(bootstrapDump(bootstrap), undefined, 1)}`;
  yield* section("ClustersConfigDump", "cluster", "clusters", config.clusters, {
    isStatic: ({ name }) => ads?.clusters !== true || has(bootstrap.clusters, name),
    dynamicKey: "dynamic_active_clusters",
  });
  yield* section("ListenersConfigDump", "listener", "listeners", config.listeners, {
    isStatic: ({ name }) => ads?.listeners !== true || has(bootstrap.listeners, name),
    dynamicKey: "dynamic_listeners",
  });
  yield* section("RoutesConfigDump", "route", "route_configs", config.routes, {
    isStatic: () => false,
    dynamicKey: "dynamic_route_configs",
  });
  if (includeEds) {
    yield* section("EndpointsConfigDump", "endpoint", "endpoint_configs", config.endpoints, {
      isStatic: () => false,
      dynamicKey: "dynamic_endpoint_configs",
    });
  }
  yield `,\n${JSON.stringify(secretsDump(source.secrets()), undefined, 1)}`;
  yield "\n]}\n";
}

/** Envoy: admin.v3.SecretsConfigDump. */
function secretsDump(rows: readonly SecretRow[]): object {
  const lists: Record<string, object[]> = {};
  for (const row of rows) {
    const warming = row.secret === undefined;
    const dynamic = warming ? "dynamic_warming_secrets" : "dynamic_active_secrets";
    const key = row.isStatic ? "static_secrets" : dynamic;
    lists[key] = [...(lists[key] ?? []), secretEntry(row)];
  }
  return { "@type": `${TYPE}SecretsConfigDump`, ...lists };
}

function secretEntry({ name, secret, updatedMs, version }: SecretRow): object {
  const shown = secret === undefined ? { name } : redact(resourceJson("secret", secret));
  return {
    name,
    ...(secret === undefined ? { version_info: "uninitialized" } : {}),
    ...(version === "" ? {} : { version_info: version }),
    last_updated: new Date(updatedMs).toISOString(),
    secret: { "@type": CODECS.secret.typeUrl, ...(shown as object) },
  };
}

interface Division<T extends ResourceType> {
  readonly isStatic: (model: ResourceModels[T]) => boolean;
  readonly dynamicKey: string;
}

/** Envoy's name of the field that holds one resource. */
const RESOURCE_KEYS: Readonly<Record<ResourceType, string>> = {
  cluster: "cluster",
  listener: "listener",
  route: "route_config",
  endpoint: "endpoint_config",
  secret: "secret",
};

function* section<T extends ResourceType>(
  dumpType: string,
  type: T,
  plural: string,
  models: readonly ResourceModels[T][],
  { isStatic, dynamicKey }: Division<T>,
): Generator<string> {
  yield `,\n{"@type": "${TYPE}${dumpType}"`;
  const lists = [
    { key: `static_${plural}`, of: models.filter(isStatic), dynamic: false },
    { key: dynamicKey, of: models.filter((model) => !isStatic(model)), dynamic: true },
  ];
  for (const { key, of, dynamic } of lists) {
    if (of.length === 0) continue;
    let separator = `,\n"${key}": [\n`;
    for (const model of of) {
      yield separator + JSON.stringify(entry(type, model, dynamic), undefined, 1);
      separator = ",\n";
    }
    yield "\n]";
  }
  yield "}";
}

/** A dynamic listener lies one deeper, because Envoy shows warming and draining ones beside it. */
function entry<T extends ResourceType>(
  type: T,
  model: ResourceModels[T],
  dynamic: boolean,
): object {
  const resource = { [RESOURCE_KEYS[type]]: redact(resourceJson(type, model)) };
  if (type !== "listener" || !dynamic) return resource;
  return { name: "name" in model ? model.name : "", active_state: resource };
}

function bootstrapDump({ node, admin }: Bootstrap): object {
  const { id, cluster, metadata, userAgentName } = node;
  return {
    "@type": `${TYPE}BootstrapConfigDump`,
    bootstrap: {
      node: { id, cluster, metadata: redact(metadata), user_agent_name: userAgentName },
      ...(admin === undefined ? {} : { admin: { address: addressJson(admin) } }),
    },
  };
}

function has(resources: readonly { readonly name: string }[], name: string): boolean {
  return resources.some((resource) => resource.name === name);
}
