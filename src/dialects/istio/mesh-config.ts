import { LineCounter, type Node, parseDocument } from "yaml";
import type { Diagnostic, Position } from "../../base/diagnostic.ts";
import { DEFAULT_SETTINGS, type MeshSettings, type PathNormalization } from "../../model/mesh.ts";
import type { KubernetesObject, Path } from "../kubernetes/object.ts";
import { childOf, positionIn, type YamlSource } from "../kubernetes/yaml-object.ts";
import { readAccessLogs } from "./access-log.ts";
import { readLocality } from "./destination-rule/locality.ts";
import { readAuthorizationProviders } from "./extension-providers.ts";
import { checkFields } from "./fields/check-fields.ts";
import { MESH_CONFIG } from "./fields/mesh-config.ts";
import { isLabel } from "./host.ts";
import { Spec, type SpecContext } from "./spec.ts";

/** The ConfigMap that istiod reads its MeshConfig from, in the root namespace. */
const CONFIG_MAP = "istio";

export interface MeshConfigReading {
  readonly settings: MeshSettings;
  readonly diagnostics: readonly Diagnostic[];
}

/** True for the three places that a MeshConfig is written in. */
export function holdsMeshConfig(object: KubernetesObject): boolean {
  if (object.kind === "ConfigMap") return object.group === "" && object.name === CONFIG_MAP;
  if (object.kind === "MeshConfig") return object.group.endsWith("istio.io");
  return object.kind === "IstioOperator" && object.group === "install.istio.io";
}

/**
 * The mesh's settings from the MeshConfigs among the objects, the later ones over the earlier:
 * a MeshConfig by itself, `spec.meshConfig` of an IstioOperator, `data.mesh` of ConfigMap istio.
 */
export function readMeshSettings(objects: readonly KubernetesObject[]): MeshConfigReading {
  const diagnostics: Diagnostic[] = [];
  let settings = DEFAULT_SETTINGS;
  for (const object of objects.filter(holdsMeshConfig)) {
    const config = openConfig(object, diagnostics);
    if (!config.present) continue;
    settings = { ...settings, ...readMeshConfig(config) };
  }
  return { settings, diagnostics };
}

function openConfig(object: KubernetesObject, diagnostics: Diagnostic[]): Spec {
  const context = { object, clusterDomain: DEFAULT_SETTINGS.clusterDomain, diagnostics };
  if (object.kind === "IstioOperator") return Spec.of("spec", context).at("meshConfig");
  if (object.kind === "ConfigMap") return openText(Spec.of("data", context).at("mesh"), context);
  const { apiVersion, kind, metadata, spec, ...plain } = object.value;
  return spec === undefined ? new Spec(plain, [], context) : Spec.of("spec", context);
}

/** YAML inside YAML: positions are those of the outer file. */
function openText(mesh: Spec, context: SpecContext): Spec {
  const text = mesh.text();
  if (text === undefined) return new Spec(undefined, mesh.path, context);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  for (const error of document.errors) mesh.refuse(`YAML: ${error.message}`);
  const { contents } = document;
  if (document.errors.length > 0 || contents === null) {
    return new Spec(undefined, mesh.path, context);
  }
  const outer = context.object;
  const source = { file: outer.positionOf([]).file, document, lines };
  const object = embed(outer, source, contents, mesh.path, text.includes("\n"));
  return new Spec(document.toJS(), mesh.path, { ...context, object });
}

/** The outer object, but places below `at` are found in the inner document. */
function embed(
  outer: KubernetesObject,
  source: YamlSource,
  root: Node,
  at: Path,
  isBlock: boolean,
): KubernetesObject {
  const header = outer.positionOf(at);
  const indent = outer.keyPositionOf(at).column + 1;
  // Only a block scalar keeps its lines; of JSON and of quoted text the start must do.
  const keepsLines = isBlock && !header.file.endsWith(".json");
  const find = (path: Path, part: "key" | "value"): Position => {
    let place: { readonly value: Node; readonly key: Node } = { value: root, key: root };
    for (const name of path.slice(at.length)) {
      place = childOf(place.value, name, source.document) ?? place;
    }
    const { line, column } = positionIn(source, place[part]);
    if (!keepsLines) return header;
    return { file: header.file, line: header.line + line, column: indent + column };
  };
  return {
    apiVersion: outer.apiVersion,
    group: "mesh.istio.io",
    version: outer.version,
    kind: outer.kind,
    namespace: outer.namespace,
    name: outer.name,
    labels: outer.labels,
    annotations: outer.annotations,
    creationTimestamp: outer.creationTimestamp,
    value: outer.value,
    positionOf: (path) => find(path, "value"),
    keyPositionOf: (path) => find(path, "key"),
    origin: (path) => outer.origin(path),
  };
}

/** By Istio's names; what is no such name has been refused. */
const PATHS: Readonly<Partial<Record<string, PathNormalization>>> = {
  DEFAULT: "base",
  NONE: "none",
  BASE: "base",
  MERGE_SLASHES: "mergeSlashes",
  DECODE_AND_MERGE_SLASHES: "decodeAndMergeSlashes",
};

type WrittenSettings = { -readonly [Key in keyof MeshSettings]?: MeshSettings[Key] };

function readTrustDomains(config: Spec, settings: WrittenSettings): void {
  const isDomain = (text: string): boolean => text.split(".").every(isLabel);
  const trustDomain = config.at("trustDomain").text() ?? "";
  if (trustDomain !== "" && !isDomain(trustDomain)) {
    config.at("trustDomain").refuse(`trustDomain: trust domain name "${trustDomain}" invalid`);
  } else if (trustDomain !== "") {
    settings.trustDomain = trustDomain;
  }
  const aliases = config.at("trustDomainAliases");
  for (const alias of aliases.items()) {
    const name = alias.text() ?? "";
    if (!isDomain(name)) alias.refuse(`trustDomainAliases: trust domain name "${name}" invalid`);
  }
  if (aliases.present) settings.trustDomainAliases = aliases.texts();
}

function readMutualTls(config: Spec, settings: WrittenSettings): void {
  const automatic = config.at("enableAutoMtls").flag();
  if (automatic !== undefined) settings.autoMtls = automatic;
  const minimum = config.at("meshMTLS").at("minProtocolVersion").text();
  if (minimum === "TLSV1_2") settings.minTlsVersion = "TLSv1.2";
  if (minimum === "TLSV1_3") settings.minTlsVersion = "TLSv1.3";
}

function readMeshConfig(config: Spec): Partial<MeshSettings> {
  checkFields(config, MESH_CONFIG);
  const settings: WrittenSettings = {};
  readTrustDomains(config, settings);
  readMutualTls(config, settings);
  const merges = config.at("enablePrometheusMerge").flag();
  if (merges !== undefined) settings.mergesAppMetrics = merges;
  const root = config.at("rootNamespace");
  const rootNamespace = root.text() ?? "";
  if (rootNamespace !== "" && !isLabel(rootNamespace)) {
    root.refuse(`rootNamespace "${rootNamespace}" is not a valid DNS 1123 label`);
  } else if (rootNamespace !== "") {
    settings.rootNamespace = rootNamespace;
  }
  const detection = config.at("protocolDetectionTimeout").durationMs();
  if (detection !== undefined) settings.protocolDetectionTimeoutMs = detection;
  const policy = config.at("outboundTrafficPolicy");
  // Whether failing endpoints are found out is each DestinationRule's to say.
  const locality = readLocality(config, true);
  if (locality !== undefined) settings.locality = locality;
  if (config.at("accessLogFile").present) settings.accessLogs = readAccessLogs(config);
  const providers = config.at("extensionProviders");
  if (providers.present) settings.authorizationProviders = readAuthorizationProviders(providers);
  const paths = PATHS[config.at("pathNormalization").at("normalization").text() ?? ""];
  if (paths !== undefined) settings.pathNormalization = paths;
  if (policy.at("mode").present) settings.outboundTrafficPolicy = readPolicy(policy.at("mode"));
  return settings;
}

function readPolicy(mode: Spec): MeshSettings["outboundTrafficPolicy"] {
  if (mode.text() === "ALLOW_ANY_DYNAMIC_DNS") {
    mode.notExecuted("unknown hosts are reached at the address that the client asked for");
  }
  return mode.text() === "REGISTRY_ONLY" ? "registryOnly" : "allowAny";
}
