import {
  type Bootstrap as BootstrapMessage,
  BootstrapSchema,
} from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { ConfigSource } from "../gen/envoy/config/core/v3/config_source_pb.js";
import { type Address, socketAddress } from "../model/address.ts";
import type { AdsSource, AppMetrics, Bootstrap, Node, PodServers } from "../model/bootstrap.ts";
import type { Cluster } from "../model/cluster.ts";
import { secretsOfContext } from "../model/transport/secrets-in-use.ts";
import type { UpstreamTls } from "../model/transport/tls.ts";
import { checkMessage } from "./check/check.ts";
import { Place, type Problem } from "./check/place.ts";
import { decodeCluster } from "./cluster-resource.ts";
import { type ReadDocument, readDocument } from "./document/document.ts";
import { decodeListener } from "./listener-resource.ts";
import { decodeAddress } from "./message/address.ts";
import { refuseOtherThanAds } from "./message/config-source.ts";
import { decodeNode } from "./message/node.ts";
import { decodeOverload } from "./overload/overload.ts";
import { decodeSecret } from "./secret-resource.ts";

/** Key of the node's metadata that holds our own settings. */
const OURS = "OUTRIGGER";
const OUR_SETTINGS = "metrics, health, appMetrics, carrying, identity";
const USER_AGENT = "outrigger";

export type BootstrapDocument = ReadDocument<typeof BootstrapSchema>;

/** YAML or JSON as Envoy reads it. */
export function readBootstrapDocument(text: string, file: string): BootstrapDocument {
  return readDocument(BootstrapSchema, text, file);
}

/** The bootstrap as the model has it; with any problem it must not be used. */
export function decodeBootstrap(message: BootstrapMessage, problems: Problem[]): Bootstrap {
  const place = new Place(problems);
  checkMessage(BootstrapSchema, message, place);
  const node = nodeOf(message);
  const resources = message.staticResources;
  const adsCluster = adsClusterOf(message);
  const clusterPlace = place.field("static_resources").field("clusters");
  const listenerPlace = place.field("static_resources").field("listeners");
  const all = (resources?.clusters ?? []).map((cluster, i) =>
    decodeCluster(cluster, clusterPlace.item(i)),
  );
  refuseTwice(all, clusterPlace);
  const listeners = (resources?.listeners ?? []).map((listener, i) =>
    decodeListener(listener, listenerPlace.item(i)),
  );
  const secretPlace = place.field("static_resources").field("secrets");
  const secrets = (resources?.secrets ?? []).map((secret, i) =>
    decodeSecret(secret, secretPlace.item(i)),
  );
  refuseTwice(secrets, secretPlace);
  const ads = decodeAds(message, adsCluster, all, place);
  refuseWithoutAds(listeners, all, ads, place);
  return {
    node,
    admin:
      message.admin?.address === undefined
        ? undefined
        : decodeAddress(message.admin.address, place.field("admin").field("address")),
    listeners,
    // It belongs to the ADS client alone: requests of routes would not find its connections.
    clusters: all.filter((cluster) => cluster.name !== adsCluster),
    ...(secrets.length === 0 ? {} : { secrets }),
    ads,
    overload:
      message.overloadManager === undefined
        ? undefined
        : decodeOverload(message.overloadManager, place.field("overload_manager")),
    ...decodeOwn(node, place.field("node").field("metadata").field(OURS)),
  };
}

function nodeOf(message: BootstrapMessage): Node {
  if (message.node === undefined) {
    return { id: "", cluster: "", metadata: {}, userAgentName: USER_AGENT };
  }
  const node = decodeNode(message.node);
  return node.userAgentName === "" ? { ...node, userAgentName: USER_AGENT } : node;
}

function refuseTwice(resources: readonly { readonly name: string }[], place: Place): void {
  const names = new Set<string>();
  resources.forEach(({ name }, i) => {
    if (names.has(name)) place.item(i).field("name").refuse("stands twice", name);
    names.add(name);
  });
}

function adsClusterOf(message: BootstrapMessage): string | undefined {
  const service = message.dynamicResources?.adsConfig?.grpcServices[0]?.targetSpecifier;
  return service?.case === "envoyGrpc" ? service.value.clusterName : undefined;
}

function decodeAds(
  message: BootstrapMessage,
  name: string | undefined,
  clusters: readonly Cluster[],
  place: Place,
): AdsSource | undefined {
  const dynamic = message.dynamicResources;
  if (dynamic === undefined) return undefined;
  const at = place.field("dynamic_resources");
  const listeners = isAds(dynamic.ldsConfig, at.field("lds_config"));
  const wantsClusters = isAds(dynamic.cdsConfig, at.field("cds_config"));
  const services = at.field("ads_config").field("grpc_services");
  if (name === undefined) {
    services.refuse("name no cluster", undefined, "one envoy_grpc.cluster_name");
    return undefined;
  }
  if ((dynamic.adsConfig?.grpcServices.length ?? 0) > 1) {
    services.refuse("name more than one server", dynamic.adsConfig?.grpcServices.length, "one");
  }
  const target = clusters.find((cluster) => cluster.name === name);
  if (target === undefined) {
    services.item(0).field("envoy_grpc").field("cluster_name").refuse("is no static cluster", name);
    return undefined;
  }
  if (target.tls !== undefined) refuseAdsTls(target.tls, services);
  if (target.discovery !== "static" && !target.discovery.endsWith("Dns")) {
    services.refuse("name a cluster without addresses", target.discovery, "STATIC, STRICT_DNS");
  }
  return { cluster: name, listeners, clusters: wantsClusters, target };
}

/** What the way to the control plane cannot be made with, or would not be safe with. */
function refuseAdsTls(tls: UpstreamTls, place: Place): void {
  const { validation, validationSecret } = tls;
  const { trustedCa, certificateHashes = [], certificateSpki = [] } = validation ?? {};
  const of = "name a cluster whose TLS";
  if (trustedCa === undefined && validationSecret === undefined) {
    place.refuse(
      `${of} trusts nobody`,
      undefined,
      "trusted_ca, validation_context_sds_secret_config",
    );
  }
  if (validation?.acceptUntrusted === true) place.refuse(`${of} accepts anybody`);
  if (certificateHashes.length > 0 || certificateSpki.length > 0) {
    place.refuse(`${of} pins certificates, which is not executed for ADS`);
  }
  if (validation?.trustDomains !== undefined) {
    place.refuse(`${of} validates by trust domain, which is not executed for ADS`);
  }
  for (const { name, source } of secretsOfContext(tls)) {
    if (source.kind === "cluster" || source.kind === "static") continue;
    const what = source.kind === "ads" ? "that only ADS itself could bring" : "of a file";
    place.refuse(`${of} needs a secret ${what}`, name, "one of a cluster, or a static one");
  }
}

function isAds(source: ConfigSource | undefined, place: Place): boolean {
  if (source === undefined) return false;
  const kind = source.configSourceSpecifier.case;
  refuseOtherThanAds(source, place, "is no source that is executed");
  return kind === "ads";
}

/** Without ADS nobody would ever send what these ask for. */
function refuseWithoutAds(
  listeners: Bootstrap["listeners"],
  clusters: readonly Cluster[],
  ads: AdsSource | undefined,
  place: Place,
): void {
  if (ads !== undefined) return;
  const resources = place.field("static_resources");
  clusters.forEach((cluster, i) => {
    if (cluster.discovery !== "eds") return;
    const at = resources.field("clusters").item(i).field("eds_cluster_config");
    at.refuse("asks for ADS, and there is no dynamic_resources.ads_config");
  });
  listeners.forEach((listener, i) => {
    const chains = [...listener.filterChains, listener.defaultFilterChain];
    const rds = chains.some(
      (chain) => chain?.filter.kind === "http" && chain.filter.routes.kind === "rds",
    );
    if (!rds) return;
    const at = resources.field("listeners").item(i);
    at.refuse("asks ADS for routes, and there is no dynamic_resources.ads_config");
  });
}

/**
 * `OUTRIGGER: {metrics: ["10.0.0.1:15020"], health: "10.0.0.1:15021", carrying: false,
 * appMetrics: "http://127.0.0.1:9102/metrics"}`.
 */
function decodeOwn(node: Node, place: Place): Pick<Bootstrap, "pod" | "carrying"> {
  const ours = node.metadata[OURS];
  if (ours === undefined) return { pod: undefined, carrying: true };
  if (typeof ours !== "object" || ours === null || Array.isArray(ours)) {
    place.refuse("is no mapping", ours, OUR_SETTINGS);
    return { pod: undefined, carrying: true };
  }
  // `identity` is the control plane's to read: whether there is a certificate of the mesh.
  const {
    metrics,
    health,
    appMetrics,
    carrying = true,
    identity = false,
    ...others
  } = ours as Record<string, unknown>;
  for (const name in others) place.field(name).refuse("is unknown", name, OUR_SETTINGS);
  if (typeof carrying !== "boolean") {
    place.field("carrying").refuse("is neither true nor false", carrying, "true, false");
  }
  if (typeof identity !== "boolean") {
    place.field("identity").refuse("is neither true nor false", identity, "true, false");
  }
  return { pod: decodePod(metrics, health, appMetrics, place), carrying: carrying !== false };
}

function decodePod(
  metrics: unknown,
  health: unknown,
  appMetrics: unknown,
  place: Place,
): PodServers {
  const list = metrics === undefined ? [] : Array.isArray(metrics) ? metrics : [metrics];
  return {
    metrics: list.flatMap((text, i) => decodeText(text, place.field("metrics").item(i)) ?? []),
    health: health === undefined ? undefined : decodeText(health, place.field("health")),
    ...(appMetrics === undefined
      ? {}
      : { appMetrics: decodeAppMetrics(appMetrics, place.field("appMetrics")) }),
  };
}

/** `http://127.0.0.1:9102/metrics`. */
function decodeAppMetrics(text: unknown, place: Place): AppMetrics | undefined {
  const url = typeof text === "string" ? URL.parse(text) : null;
  if (url?.protocol === "http:" && url.username === "" && url.password === "") {
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    return { host, port: Number(url.port || 80), path: `${url.pathname}${url.search}` };
  }
  place.refuse("is no address of metrics", text, "http://host:port/path");
  return undefined;
}

/** `10.0.0.1:80`, `[::1]:80`, or a socket's absolute path. */
function decodeText(text: unknown, place: Place): Address | undefined {
  if (typeof text === "string" && text.startsWith("/")) return { kind: "pipe", path: text };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(String(text));
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host !== undefined && port <= 65_535) return socketAddress(host, port);
  place.refuse("is no address", text, "host:port, or an absolute path");
  return undefined;
}
