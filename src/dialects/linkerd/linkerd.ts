import type { Diagnostic } from "../../base/diagnostic.ts";
import { type Dialect, EMPTY_TRANSLATION } from "../dialect.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { kindFinding } from "../kubernetes/translate.ts";
import { readMeshTls, readNetworks } from "./authentication.ts";
import { type Authentications, readAuthorization } from "./authorization-policy.ts";
import { readHttpRoute } from "./http-route.ts";
import { policiesOfServers } from "./policies.ts";
import { readServiceProfile } from "./profile/service-profile.ts";

import { readServer, reportTwins } from "./server.ts";
import { readServerAuthorization } from "./server-authorization.ts";

const POLICY = "policy.linkerd.io";
const PROFILES: ReadonlySet<string> = new Set([
  "linkerd.io/v1alpha1/ServiceProfile",
  "linkerd.io/v1alpha2/ServiceProfile",
]);

/** What users of the kinds that are not executed must know. */
const NOT_EXECUTED: Readonly<Record<string, string>> = {
  HTTPLocalRateLimitPolicy: "no request is refused because of it",
  EgressNetwork: "what leaves the mesh is decided by Istio's outboundTrafficPolicy alone",
  ExternalWorkload: "no workloads outside pods join by it",
  ServiceProfile: "write apiVersion: linkerd.io/v1alpha2",
  Link: "there is one cluster",
};

/** Linkerd's policies, Servers and who may reach them, and its ServiceProfiles. */
export const linkerd: Dialect = {
  name: "linkerd",
  speaks: (object) => object.group === "linkerd.io" || object.group.endsWith(".linkerd.io"),
  translate: (objects, context) => {
    const { settings } = context;
    const diagnostics: Diagnostic[] = [];
    const of = (kind: string): readonly KubernetesObject[] =>
      objects.filter((object) => object.group === POLICY && object.kind === kind);
    const servers = of("Server").flatMap((object) => readServer(object, diagnostics) ?? []);
    reportTwins(servers, diagnostics);
    const authentications: Authentications = {
      meshTls: byKey(of("MeshTLSAuthentication"), (object) =>
        readMeshTls(object, settings, diagnostics),
      ),
      networks: byKey(of("NetworkAuthentication"), (object) => readNetworks(object, diagnostics)),
    };
    const known = { servers, authentications, settings };
    const accessPolicies = policiesOfServers(servers, {
      routes: of("HTTPRoute").flatMap((object) => readHttpRoute(object, diagnostics)),
      authorizations: [
        ...of("AuthorizationPolicy").flatMap((object) => {
          return readAuthorization(object, known, diagnostics) ?? [];
        }),
        ...of("ServerAuthorization").flatMap((object) => {
          return readServerAuthorization(object, known, diagnostics) ?? [];
        }),
      ],
    });
    const profiles = objects
      .filter(isProfile)
      .map((object) => readServiceProfile(object, context, diagnostics));
    for (const object of objects) if (!isExecuted(object)) diagnostics.push(unexecuted(object));
    const security = { ...EMPTY_TRANSLATION.security, accessPolicies };
    return {
      ...EMPTY_TRANSLATION,
      routes: profiles.flatMap(({ routes }) => routes),
      opaquePorts: profiles.map(({ opaque }) => opaque).filter(({ ranges }) => ranges.length > 0),
      security,
      diagnostics,
    };
  },
};

const EXECUTED: ReadonlySet<string> = new Set([
  "Server",
  "AuthorizationPolicy",
  "ServerAuthorization",
  "MeshTLSAuthentication",
  "NetworkAuthentication",
  "HTTPRoute",
]);

function isExecuted(object: KubernetesObject): boolean {
  return isProfile(object) || (object.group === POLICY && EXECUTED.has(object.kind));
}

function isProfile({ group, version, kind }: KubernetesObject): boolean {
  return PROFILES.has(`${group}/${version}/${kind}`);
}

function unexecuted(object: KubernetesObject): Diagnostic {
  const message = `${object.kind} is read but not executed`;
  return kindFinding(object, "warning", message, NOT_EXECUTED[object.kind]);
}

function byKey<T>(
  objects: readonly KubernetesObject[],
  read: (object: KubernetesObject) => T,
): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [`${object.namespace}/${object.name}`, read(object)]));
}
