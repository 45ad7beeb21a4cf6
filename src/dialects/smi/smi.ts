import type { Diagnostic } from "../../base/diagnostic.ts";
import type { ScopedMatch } from "../../model/http-route-set.ts";
import { type Dialect, EMPTY_TRANSLATION } from "../dialect.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { kindFinding } from "../kubernetes/translate.ts";
import { readRouteGroup } from "./route-group.ts";
import { readTrafficSplit } from "./traffic-split.ts";

const SPLIT_VERSIONS: ReadonlySet<string> = new Set([
  "v1alpha1",
  "v1alpha2",
  "v1alpha3",
  "v1alpha4",
]);

/** What users of the kinds that are not executed must know. */
const NOT_EXECUTED: Readonly<Record<string, string>> = {
  TrafficTarget: "no request is refused because of it",
  TCPRoute: "only HTTP requests are matched",
  UDPRoute: "only HTTP requests are matched",
  TrafficMetrics: "the proxies' metrics are on /stats/prometheus",
};

/** The Service Mesh Interface (archived, v0.6.0): TrafficSplit and the matches it refers to. */
export const smi: Dialect = {
  name: "smi",
  speaks: (object) => object.group.endsWith(".smi-spec.io"),
  translate: (objects, context) => {
    const diagnostics: Diagnostic[] = [];
    const groups = new Map<string, readonly ScopedMatch[]>();
    for (const object of objects) {
      if (object.kind !== "HTTPRouteGroup") continue;
      groups.set(`${object.namespace}/${object.name}`, readRouteGroup(object, diagnostics));
    }
    const routes = objects.flatMap((object) => {
      if (object.kind === "HTTPRouteGroup") return [];
      if (object.kind === "TrafficSplit" && SPLIT_VERSIONS.has(object.version)) {
        return readTrafficSplit(object, groups, context, diagnostics);
      }
      diagnostics.push(unexecuted(object));
      return [];
    });
    return { ...EMPTY_TRANSLATION, routes, diagnostics };
  },
};

function unexecuted(object: KubernetesObject): Diagnostic {
  if (object.kind === "TrafficSplit") {
    const hint = `write one of ${[...SPLIT_VERSIONS].join(", ")}`;
    return kindFinding(object, "error", "TrafficSplit has no such version", hint);
  }
  const message = `${object.kind} is read but not executed`;
  return kindFinding(object, "warning", message, NOT_EXECUTED[object.kind]);
}
