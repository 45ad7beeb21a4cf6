import type { Diagnostic } from "../../base/diagnostic.ts";
import type { DestinationPolicy } from "../../model/destination-policy.ts";
import type { EgressPolicy, Service } from "../../model/mesh.ts";
import type { Dialect, DialectContext, Translation } from "../dialect.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { reportProtocols, reportSharedHosts, reportSharedNamespaces } from "./analyze/conflicts.ts";
import { reportIdleRules } from "./analyze/connection-rules.ts";
import { HostIndex } from "./analyze/host-index.ts";
import { reportOwnHosts, reportReferences, reportUnknownHost } from "./analyze/references.ts";
import { readDestinationRule } from "./destination-rule/destination-rule.ts";
import { checkFields } from "./fields/check-fields.ts";
import { WORKLOAD_ENTRY } from "./fields/common.ts";
import { DESTINATION_RULE } from "./fields/destination-rule.ts";
import { SERVICE_ENTRY } from "./fields/service-entry.ts";
import { SIDECAR } from "./fields/sidecar.ts";
import { VIRTUAL_SERVICE } from "./fields/virtual-service.ts";
import { holdsMeshConfig } from "./mesh-config.ts";
import { reportOtherKind } from "./other-kinds.ts";
import {
  addSecurity,
  newSecurityReadings,
  reportSecurity,
  type SecurityReadings,
  securityOf,
} from "./security/security-kinds.ts";
import { readServiceEntry } from "./service-entry/service-entry.ts";
import { addWorkloads, readWorkloads, type Workload } from "./service-entry/workloads.ts";
import { readSidecar } from "./sidecar.ts";
import { Spec } from "./spec.ts";
import {
  readVirtualService,
  type VirtualServiceRoutes,
} from "./virtual-service/virtual-service.ts";

/**
 * Istio's networking API (networking.istio.io v1, v1beta1 and v1alpha3, which are one schema), and
 * what `security/` reads of its security API (security.istio.io v1 and v1beta1).
 * MeshConfig is not read here but by `readMeshSettings`, before everything else.
 */
export const istio: Dialect = {
  name: "istio",
  speaks: (object) => object.group.endsWith("istio.io") || holdsMeshConfig(object),
  translate,
};

const GROUP = "networking.istio.io";
const VERSIONS: ReadonlySet<string> = new Set(["v1", "v1beta1", "v1alpha3"]);

/** What was read, beside where it was read from, in the order of the objects. */
interface Readings {
  readonly virtualServices: { readonly spec: Spec; readonly routes: VirtualServiceRoutes }[];
  readonly rules: { readonly spec: Spec; readonly policy: DestinationPolicy }[];
  readonly entries: { readonly spec: Spec; readonly services: readonly Service[] }[];
  readonly sidecars: { readonly spec: Spec; readonly policy: EgressPolicy }[];
  readonly workloads: Workload[];
  readonly security: SecurityReadings;
}

type Reader = (spec: Spec, readings: Readings, context: DialectContext) => void;

const READERS: Readonly<Record<string, Reader>> = {
  VirtualService: (spec, { virtualServices }) => {
    checkFields(spec, VIRTUAL_SERVICE);
    virtualServices.push({ spec, routes: readVirtualService(spec) });
  },
  DestinationRule: (spec, { rules }) => {
    checkFields(spec, DESTINATION_RULE);
    rules.push({ spec, policy: readDestinationRule(spec) });
  },
  ServiceEntry: (spec, { entries }) => {
    checkFields(spec, SERVICE_ENTRY);
    entries.push({ spec, services: readServiceEntry(spec) });
  },
  WorkloadEntry: (spec, { workloads }) => {
    checkFields(spec, WORKLOAD_ENTRY);
    workloads.push(...readWorkloads(spec));
  },
  Sidecar: (spec, { sidecars }, { settings }) => {
    checkFields(spec, SIDECAR);
    sidecars.push({ spec, policy: readSidecar(spec, settings) });
  },
};

function translate(objects: readonly KubernetesObject[], context: DialectContext): Translation {
  const diagnostics: Diagnostic[] = [];
  const readings: Readings = {
    virtualServices: [],
    rules: [],
    entries: [],
    sidecars: [],
    workloads: [],
    security: newSecurityReadings(),
  };
  const { clusterDomain } = context.settings;
  for (const object of objects) {
    const spec = Spec.of("spec", { object, clusterDomain, diagnostics });
    const known = object.group === GROUP && VERSIONS.has(object.version);
    const reader = known ? READERS[object.kind] : undefined;
    if (reader !== undefined) reader(spec, readings, context);
    else if (addSecurity(spec, readings.security, context)) continue;
    else if (!isMeshConfigOnly(object)) reportOtherKind(spec);
  }
  const services = readings.entries.flatMap((entry) => entry.services);
  const translation = {
    services: addWorkloads(services, readings.workloads),
    routes: readings.virtualServices.flatMap(({ routes }) => routes.http ?? []),
    connectionRoutes: readings.virtualServices.flatMap(({ routes }) => routes.connections ?? []),
    destinationPolicies: readings.rules.map(({ policy }) => policy),
    egressPolicies: readings.sidecars.map(({ policy }) => policy),
    security: securityOf(readings.security),
    diagnostics,
  };
  analyze(readings, translation, context);
  return translation;
}

/** What the objects mean to one another and to the services. */
function analyze(readings: Readings, translation: Translation, context: DialectContext): void {
  const services = new HostIndex([...context.services, ...translation.services]);
  const destinationPolicies = new HostIndex(translation.destinationPolicies);
  for (const { spec, routes } of readings.virtualServices) {
    const route = routes.http ?? routes.connections;
    const registry = { services, destinationPolicies };
    reportReferences(spec, registry);
    if (route !== undefined) reportOwnHosts(spec, registry);
    if (routes.connections !== undefined) reportIdleRules(spec, registry);
  }
  for (const { spec, policy } of readings.rules) reportUnknownHost(spec, policy, { services });
  reportSharedHosts(readings.virtualServices);
  reportProtocols(readings.entries);
  reportSharedNamespaces(readings.sidecars);
  reportSecurity(readings.security);
}

/** Read by `readMeshSettings`, which has said what there is to say. */
function isMeshConfigOnly(object: KubernetesObject): boolean {
  return holdsMeshConfig(object) && object.kind !== "IstioOperator";
}
