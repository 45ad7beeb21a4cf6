import type { Diagnostic } from "../../base/diagnostic.ts";
import { mergeByMatch } from "../../model/precedence/match-order.ts";
import { type Dialect, EMPTY_TRANSLATION } from "../dialect.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { kindFinding } from "../kubernetes/translate.ts";
import { readGrpcRoute } from "./grpc-route.ts";
import { readHttpRoute } from "./http-route.ts";

const GATEWAY_GROUP = "gateway.networking.k8s.io";
const LINKERD_GROUP = "policy.linkerd.io";

type ReadRoute = typeof readHttpRoute;

/** Routes that are executed: the Gateway API's, and Linkerd's copy of its HTTPRoute. */
const ROUTES: Readonly<Record<string, { versions: readonly string[]; read: ReadRoute }>> = {
  [`${GATEWAY_GROUP}/HTTPRoute`]: { versions: ["v1", "v1beta1"], read: readHttpRoute },
  [`${GATEWAY_GROUP}/GRPCRoute`]: { versions: ["v1"], read: readGrpcRoute },
  [`${LINKERD_GROUP}/HTTPRoute`]: { versions: ["v1beta2", "v1beta3"], read: readHttpRoute },
};

/** The Kubernetes Gateway API for meshes (GAMMA): routes whose parent is a Service. */
export const gatewayApi: Dialect = {
  name: "gateway-api",
  speaks: ({ group, kind }) =>
    group === GATEWAY_GROUP ||
    group === "gateway.networking.x-k8s.io" ||
    (group === LINKERD_GROUP && kind === "HTTPRoute"),
  translate: (objects, context) => {
    const diagnostics: Diagnostic[] = [];
    const routes = objects.flatMap((object) => {
      const route = ROUTES[`${object.group}/${object.kind}`];
      if (route?.versions.includes(object.version) === true) {
        return route.read(object, context, diagnostics);
      }
      diagnostics.push(unexecuted(object));
      return [];
    });
    const ordered = routes.map((set) => ({ ...set, rules: mergeByMatch([set]) }));
    return { ...EMPTY_TRANSLATION, routes: ordered, diagnostics };
  },
};

function unexecuted(object: KubernetesObject): Diagnostic {
  const route = ROUTES[`${object.group}/${object.kind}`];
  if (route !== undefined || object.kind === "HTTPRoute") {
    const hint = `write one of ${route?.versions.join(", ")}`;
    return kindFinding(object, "error", `This version of ${object.kind} is not read`, hint);
  }
  // A grant allows what a mesh allows anyway: references between namespaces.
  const severity = object.kind === "ReferenceGrant" ? "info" : "warning";
  return kindFinding(object, severity, `${object.kind} is read but not executed`, undefined);
}
