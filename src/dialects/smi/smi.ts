import type { Diagnostic } from "../../base/diagnostic.ts";
import { type Dialect, EMPTY_TRANSLATION } from "../dialect.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { kindFinding } from "../kubernetes/translate.ts";
import { type GroupMatch, readRouteGroup } from "./route-group.ts";
import { readTrafficSplit } from "./traffic-split.ts";
import { readTcpRoute, readTrafficTarget, type Specifications } from "./traffic-target.ts";

const SPLIT_VERSIONS: ReadonlySet<string> = new Set([
  "v1alpha1",
  "v1alpha2",
  "v1alpha3",
  "v1alpha4",
]);

/** Read with what they are referred to by, or before. */
const REFERRED: ReadonlySet<string> = new Set(["HTTPRouteGroup", "TCPRoute", "TrafficTarget"]);

/** What users of the kinds that are not executed must know. */
const NOT_EXECUTED: Readonly<Record<string, string>> = {
  UDPRoute: "sidecars carry no UDP",
  TrafficMetrics: "the proxies' metrics are on /stats/prometheus",
};

/** Service Mesh Interface (archived, v0.6.0): TrafficSplit, TrafficTarget, what they refer to. */
export const smi: Dialect = {
  name: "smi",
  speaks: (object) => object.group.endsWith(".smi-spec.io"),
  translate: (objects, context) => {
    const diagnostics: Diagnostic[] = [];
    const { groups, tcpRoutes } = readSpecifications(objects, diagnostics);
    const accessPolicies = objects
      .filter(({ kind }) => kind === "TrafficTarget")
      .flatMap((object) => {
        return readTrafficTarget(object, { groups, tcpRoutes }, context, diagnostics);
      });
    const routes = objects.flatMap((object) => {
      if (REFERRED.has(object.kind)) return [];
      if (object.kind === "TrafficSplit" && SPLIT_VERSIONS.has(object.version)) {
        return readTrafficSplit(object, groups, context, diagnostics);
      }
      diagnostics.push(unexecuted(object));
      return [];
    });
    const security = { ...EMPTY_TRANSLATION.security, accessPolicies };
    return { ...EMPTY_TRANSLATION, routes, security, diagnostics };
  },
};

/** What others refer to comes first, wherever it is written. */
function readSpecifications(
  objects: readonly KubernetesObject[],
  diagnostics: Diagnostic[],
): Specifications {
  const groups = new Map<string, readonly GroupMatch[]>();
  const tcpRoutes = new Map<string, readonly number[]>();
  for (const object of objects) {
    const key = `${object.namespace}/${object.name}`;
    if (object.kind === "HTTPRouteGroup") groups.set(key, readRouteGroup(object, diagnostics));
    if (object.kind === "TCPRoute") tcpRoutes.set(key, readTcpRoute(object, diagnostics));
  }
  return { groups, tcpRoutes };
}

function unexecuted(object: KubernetesObject): Diagnostic {
  if (object.kind === "TrafficSplit") {
    const hint = `write one of ${[...SPLIT_VERSIONS].join(", ")}`;
    return kindFinding(object, "error", "TrafficSplit has no such version", hint);
  }
  const message = `${object.kind} is read but not executed`;
  return kindFinding(object, "warning", message, NOT_EXECUTED[object.kind]);
}
