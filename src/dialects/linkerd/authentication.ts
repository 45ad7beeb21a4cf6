import type { Diagnostic } from "../../base/diagnostic.ts";
import type { MeshSettings } from "../../model/mesh.ts";
import type { Condition } from "../../model/policy/access-policy.ts";
import { parseRange } from "../kubernetes/annotations/pod-traffic.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import { Fields } from "../kubernetes/fields.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { accountPrincipal, IDENTITY_WORDS, namespacePrincipal, principalOf } from "./identity.ts";

const AUTHENTICATION = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});
const MESH_TLS = fieldTable({ executed: ["identities", "identityRefs"] });
const IDENTITY_REF = fieldTable({
  executed: ["kind", "name", "namespace"],
  accepted: ["group"],
});
const NETWORKS = fieldTable({ executed: ["networks"] });
const NETWORK: FieldTable<"cidr" | "except"> = fieldTable({ executed: ["cidr", "except"] });

export const AUTHENTICATION_TABLES: Readonly<Record<string, FieldTable>> = {
  "MeshTLSAuthentication.spec": MESH_TLS,
  "MeshTLSAuthentication.spec.identityRefs[]": IDENTITY_REF,
  "NetworkAuthentication.spec": NETWORKS,
  "NetworkAuthentication.spec.networks[]": NETWORK,
};

/** Of which one has to hold; none of it: nobody is meant. */
export type Alternatives = readonly Condition[];

/** Clients that show one of these identities. */
export function identities(principals: readonly string[]): Alternatives {
  if (principals.length === 0) return [];
  return [{ key: "source.principal", values: principals, notValues: [] }];
}

export function readMeshTls(
  object: KubernetesObject,
  settings: MeshSettings,
  diagnostics: Diagnostic[],
): Alternatives {
  const spec = Fields.ofObject(object, AUTHENTICATION, diagnostics).requiredMapping(
    "spec",
    MESH_TLS,
  );
  if (spec === undefined) return [];
  const named = spec.strings("identities").flatMap((identity, index) => {
    const principal = principalOf(identity);
    if (principal !== undefined) return principal;
    const message = "The identity cannot be read, so nobody has it";
    spec.problemAt(["identities", index], { message, found: identity, allowed: IDENTITY_WORDS });
    return [];
  });
  const referred = spec.mappings("identityRefs", IDENTITY_REF).flatMap((ref) => {
    const kind = ref.word("kind", ["ServiceAccount", "Namespace"]);
    if (!ref.has("kind")) ref.missing("kind", "ServiceAccount, Namespace");
    const namespace = ref.string("namespace") ?? object.namespace;
    if (kind === "Namespace") {
      return namespacePrincipal(settings, ref.string("name") ?? object.namespace);
    }
    const name = ref.requiredString("name", { allowed: "the name of a ServiceAccount" });
    if (kind === undefined || name === undefined) return [];
    return accountPrincipal(settings, namespace, name);
  });
  return identities([...named, ...referred]);
}

export function readNetworks(object: KubernetesObject, diagnostics: Diagnostic[]): Alternatives {
  const spec = Fields.ofObject(object, AUTHENTICATION, diagnostics).requiredMapping(
    "spec",
    NETWORKS,
  );
  return spec?.mappings("networks", NETWORK).flatMap((network) => readNetwork(network) ?? []) ?? [];
}

/** The fields of `networks[]`, here and in a ServerAuthorization. */
export function readNetwork(network: Fields<keyof typeof NETWORK>): Condition | undefined {
  const allowed = "an address, or a block as 10.0.0.0/8";
  const cidr = network.requiredString("cidr", { allowed });
  const except = network.strings("except");
  if (cidr !== undefined && !isBlock(cidr))
    network.bad("cidr", "The block cannot be read", allowed);
  for (const [index, block] of except.entries()) {
    if (isBlock(block)) continue;
    const message = "The block cannot be read";
    network.problemAt(["except", index], { message, found: block, allowed });
  }
  const usable = cidr !== undefined && isBlock(cidr) && except.every(isBlock);
  return usable ? { key: "source.ip", values: [cidr], notValues: except } : undefined;
}

export const NETWORK_TABLE: typeof NETWORK = NETWORK;

function isBlock(text: string): boolean {
  return parseRange(text) !== undefined;
}
