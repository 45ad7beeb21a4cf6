import type { Diagnostic } from "../../base/diagnostic.ts";
import type { MeshSettings } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import type { Condition } from "../../model/policy/access-policy.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import { Fields } from "../kubernetes/fields.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { type Alternatives, identities } from "./authentication.ts";
import { accountPrincipal } from "./identity.ts";
import type { Server } from "./server.ts";

const POLICY = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});
const SPEC = fieldTable({ executed: ["targetRef", "requiredAuthenticationRefs"] });
const TARGET = fieldTable({ executed: ["group", "kind", "name"], reported: ["namespace"] });
const AUTHENTICATION_REF = fieldTable({
  executed: ["kind", "name", "namespace"],
  accepted: ["group"],
});

export const AUTHORIZATION_TABLES: Readonly<Record<string, FieldTable>> = {
  "AuthorizationPolicy.spec": SPEC,
  "AuthorizationPolicy.spec.targetRef": TARGET,
  "AuthorizationPolicy.spec.requiredAuthenticationRefs[]": AUTHENTICATION_REF,
};

/** By `namespace/name`. */
export interface Authentications {
  readonly meshTls: ReadonlyMap<string, Alternatives>;
  readonly networks: ReadonlyMap<string, Alternatives>;
}

export interface Known {
  readonly servers: readonly Server[];
  readonly authentications: Authentications;
  readonly settings: MeshSettings;
}

/** Whom something lets in, and where. */
export interface Authorization {
  readonly target:
    | { readonly kind: "servers"; readonly servers: readonly Server[] }
    | { readonly kind: "route"; readonly namespace: string; readonly name: string };
  /** One of these lists has to hold as a whole; an empty list lets everybody in. */
  readonly clients: readonly (readonly Condition[])[];
  readonly origin: Origin;
}

type RefFields = Fields<keyof typeof AUTHENTICATION_REF>;

/** Undefined where its target cannot be read: what it would let in stays out. */
export function readAuthorization(
  object: KubernetesObject,
  known: Known,
  diagnostics: Diagnostic[],
): Authorization | undefined {
  const policy = Fields.ofObject(object, POLICY, diagnostics);
  const spec = policy.requiredMapping("spec", SPEC);
  const target = spec && readTarget(spec, known.servers);
  if (spec === undefined || target === undefined) return undefined;
  if (!spec.has("requiredAuthenticationRefs")) {
    spec.missing("requiredAuthenticationRefs", "a list, empty to let everybody in");
    return undefined;
  }
  const required = spec
    .mappings("requiredAuthenticationRefs", AUTHENTICATION_REF)
    .map((ref) => readRef(ref, known));
  return { target, clients: combinations(required), origin: policy.origin() };
}

function readTarget(
  spec: Fields<keyof typeof SPEC>,
  servers: readonly Server[],
): Authorization["target"] | undefined {
  const target = spec.requiredMapping("targetRef", TARGET);
  const { namespace } = spec.object;
  const kind = target?.word("kind", ["Server", "HTTPRoute", "Namespace", "GRPCRoute"]);
  const name = target?.requiredString("name");
  if (target === undefined || kind === undefined || name === undefined) return undefined;
  const own = servers.filter((server) => server.namespace === namespace);
  switch (kind) {
    case "Namespace":
      if (name === namespace) return { kind: "servers", servers: own };
      target.bad("name", "A policy is about its own namespace alone", namespace);
      return undefined;
    case "Server": {
      const found = own.filter((server) => server.name === name);
      if (found.length === 0) reportMissing(target, `Server ${namespace}/${name}`);
      return { kind: "servers", servers: found };
    }
    case "HTTPRoute":
      if (target.raw("group") === "policy.linkerd.io") return { kind: "route", namespace, name };
      target.bad("group", "Inbound routes are read of Linkerd's own group", "policy.linkerd.io");
      return undefined;
    case "GRPCRoute":
      target.bad("kind", "GRPCRoutes of Servers are not executed", "Server, HTTPRoute, Namespace");
      return undefined;
  }
}

function reportMissing(target: Fields<keyof typeof TARGET>, what: string): void {
  target.problem("name", {
    code: "IST0101",
    severity: "warning",
    message: `${what} is not there, so the policy lets nobody in`,
  });
}

function readRef(ref: RefFields, { authentications, settings }: Known): Alternatives {
  const kinds = ["MeshTLSAuthentication", "NetworkAuthentication", "ServiceAccount"] as const;
  const kind = ref.word("kind", kinds);
  if (!ref.has("kind")) ref.missing("kind", kinds.join(", "));
  const name = ref.requiredString("name");
  const namespace = ref.string("namespace") ?? ref.object.namespace;
  if (kind === undefined || name === undefined) return [];
  if (kind === "ServiceAccount") return identities([accountPrincipal(settings, namespace, name)]);
  const byKey =
    kind === "MeshTLSAuthentication" ? authentications.meshTls : authentications.networks;
  const found = byKey.get(`${namespace}/${name}`);
  if (found !== undefined) return found;
  ref.problem("name", {
    code: "IST0101",
    severity: "error",
    message: `${kind} ${namespace}/${name} is not there, so nobody is let in by the policy`,
  });
  return [];
}

/** Every reference has to hold, by one of its alternatives. */
function combinations(required: readonly Alternatives[]): readonly (readonly Condition[])[] {
  return required.reduce<readonly (readonly Condition[])[]>(
    (lists, alternatives) =>
      lists.flatMap((list) => alternatives.map((condition) => [...list, condition])),
    [[]],
  );
}
