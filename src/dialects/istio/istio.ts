import type { Diagnostic } from "../../base/diagnostic.ts";
import type { DestinationPolicy } from "../../model/destination-policy.ts";
import type { HttpRouteSet } from "../../model/http-route-set.ts";
import type { EgressPolicy, Service } from "../../model/mesh.ts";
import type { Dialect, DialectContext, Translation } from "../dialect.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { readDestinationRule } from "./destination-rule/destination-rule.ts";
import { checkFields } from "./fields/check-fields.ts";
import { WORKLOAD_ENTRY } from "./fields/common.ts";
import { DESTINATION_RULE } from "./fields/destination-rule.ts";
import { SERVICE_ENTRY } from "./fields/service-entry.ts";
import { SIDECAR } from "./fields/sidecar.ts";
import { VIRTUAL_SERVICE } from "./fields/virtual-service.ts";
import { holdsMeshConfig } from "./mesh-config.ts";
import { reportOtherKind } from "./other-kinds.ts";
import { readServiceEntry } from "./service-entry/service-entry.ts";
import { addWorkloads, readWorkloads, type Workload } from "./service-entry/workloads.ts";
import { readSidecar } from "./sidecar.ts";
import { Spec } from "./spec.ts";
import { readVirtualService } from "./virtual-service/virtual-service.ts";

/**
 * Istio's networking API (networking.istio.io v1, v1beta1 and v1alpha3, which are one schema).
 * MeshConfig is not read here but by `readMeshSettings`, before everything else.
 */
export const istio: Dialect = {
  name: "istio",
  speaks: (object) => object.group.endsWith("istio.io") || holdsMeshConfig(object),
  translate,
};

const VERSIONS: ReadonlySet<string> = new Set(["v1", "v1beta1", "v1alpha3"]);

/** What is gathered, in the order of the objects. */
interface Gathered {
  readonly services: Service[];
  readonly routes: HttpRouteSet[];
  readonly destinationPolicies: DestinationPolicy[];
  readonly egressPolicies: EgressPolicy[];
  readonly workloads: Workload[];
}

type Reader = (spec: Spec, gathered: Gathered, context: DialectContext) => void;

const READERS: Readonly<Record<string, Reader>> = {
  VirtualService: (spec, { routes }) => {
    checkFields(spec, VIRTUAL_SERVICE);
    const route = readVirtualService(spec);
    if (route !== undefined) routes.push(route);
  },
  DestinationRule: (spec, { destinationPolicies }) => {
    checkFields(spec, DESTINATION_RULE);
    destinationPolicies.push(readDestinationRule(spec));
  },
  ServiceEntry: (spec, { services }) => {
    checkFields(spec, SERVICE_ENTRY);
    services.push(...readServiceEntry(spec));
  },
  WorkloadEntry: (spec, { workloads }) => {
    checkFields(spec, WORKLOAD_ENTRY);
    workloads.push(...readWorkloads(spec));
  },
  Sidecar: (spec, { egressPolicies }, { settings }) => {
    checkFields(spec, SIDECAR);
    egressPolicies.push(readSidecar(spec, settings));
  },
};

function translate(objects: readonly KubernetesObject[], context: DialectContext): Translation {
  const diagnostics: Diagnostic[] = [];
  const gathered: Gathered = {
    services: [],
    routes: [],
    destinationPolicies: [],
    egressPolicies: [],
    workloads: [],
  };
  const { clusterDomain } = context.settings;
  for (const object of objects) {
    const spec = Spec.of("spec", { object, clusterDomain, diagnostics });
    const known = object.group === "networking.istio.io" && VERSIONS.has(object.version);
    const reader = known ? READERS[object.kind] : undefined;
    if (reader !== undefined) reader(spec, gathered, context);
    else if (!isMeshConfigOnly(object)) reportOtherKind(spec);
  }
  const { workloads, services, ...rest } = gathered;
  return { ...rest, services: addWorkloads(services, workloads), diagnostics };
}

/** Read by `readMeshSettings`, which has said what there is to say. */
function isMeshConfigOnly(object: KubernetesObject): boolean {
  return holdsMeshConfig(object) && object.kind !== "IstioOperator";
}
