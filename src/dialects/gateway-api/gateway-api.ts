import type { Diagnostic } from "../../base/diagnostic.ts";
import { mergeByMatch } from "../../model/precedence/match-order.ts";
import { type Dialect, EMPTY_TRANSLATION } from "../dialect.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { kindFinding } from "../kubernetes/translate.ts";
import { readHttpRoute } from "./http-route.ts";

const GATEWAY_GROUP = "gateway.networking.k8s.io";
const LINKERD_GROUP = "policy.linkerd.io";

/** HTTPRoutes that are executed: the Gateway API's, and Linkerd's copy of it. */
const VERSIONS: Readonly<Record<string, readonly string[]>> = {
  [GATEWAY_GROUP]: ["v1", "v1beta1"],
  [LINKERD_GROUP]: ["v1beta2", "v1beta3"],
};

/** The Kubernetes Gateway API for meshes (GAMMA): HTTPRoutes whose parent is a Service. */
export const gatewayApi: Dialect = {
  name: "gateway-api",
  speaks: ({ group, kind }) =>
    group === GATEWAY_GROUP ||
    group === "gateway.networking.x-k8s.io" ||
    (group === LINKERD_GROUP && kind === "HTTPRoute"),
  translate: (objects, context) => {
    const diagnostics: Diagnostic[] = [];
    const routes = objects.flatMap((object) => {
      if (object.kind === "HTTPRoute" && VERSIONS[object.group]?.includes(object.version)) {
        return readHttpRoute(object, context, diagnostics);
      }
      diagnostics.push(unexecuted(object));
      return [];
    });
    const ordered = routes.map((set) => ({ ...set, rules: mergeByMatch([set]) }));
    return { ...EMPTY_TRANSLATION, routes: ordered, diagnostics };
  },
};

function unexecuted(object: KubernetesObject): Diagnostic {
  if (object.kind === "HTTPRoute") {
    const hint = `write one of ${VERSIONS[object.group]?.join(", ")}`;
    return kindFinding(object, "error", "This version of HTTPRoute is not read", hint);
  }
  // A grant allows what a mesh allows anyway: references between namespaces.
  const severity = object.kind === "ReferenceGrant" ? "info" : "warning";
  return kindFinding(object, severity, `${object.kind} is read but not executed`, undefined);
}
