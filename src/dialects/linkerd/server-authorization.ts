import type { Diagnostic } from "../../base/diagnostic.ts";
import { matchesLabels } from "../../model/mesh.ts";
import type { Condition } from "../../model/policy/access-policy.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import { Fields } from "../kubernetes/fields.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { identities, NETWORK_TABLE, readNetwork } from "./authentication.ts";
import type { Authorization, Known } from "./authorization-policy.ts";
import { accountPrincipal, IDENTITY_WORDS, principalOf } from "./identity.ts";
import { readLabels, type Server } from "./server.ts";

const AUTHORIZATION = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});
const SPEC = fieldTable({ executed: ["server", "client"] });
const SERVER = fieldTable({ executed: ["name", "selector"] });
const SELECTOR = fieldTable({ executed: ["matchLabels", "matchExpressions"] });
const CLIENT = fieldTable({ executed: ["networks", "unauthenticated", "meshTLS"] });
const MESH_TLS = fieldTable({
  executed: ["identities", "serviceAccounts"],
  refused: ["unauthenticatedTLS"],
});
const ACCOUNT = fieldTable({ executed: ["name", "namespace"] });

export const SERVER_AUTHORIZATION_TABLES: Readonly<Record<string, FieldTable>> = {
  "ServerAuthorization.spec": SPEC,
  "ServerAuthorization.spec.server": SERVER,
  "ServerAuthorization.spec.client": CLIENT,
  "ServerAuthorization.spec.client.meshTLS": MESH_TLS,
};

type ClientFields = Fields<keyof typeof CLIENT>;

/** The older way to let clients in: one object says who and where. */
export function readServerAuthorization(
  object: KubernetesObject,
  known: Known,
  diagnostics: Diagnostic[],
): Authorization | undefined {
  const authorization = Fields.ofObject(object, AUTHORIZATION, diagnostics);
  const spec = authorization.requiredMapping("spec", SPEC);
  const server = spec?.requiredMapping("server", SERVER);
  const client = spec?.requiredMapping("client", CLIENT);
  if (server === undefined || client === undefined) return undefined;
  return {
    target: { kind: "servers", servers: readServers(server, known.servers) },
    clients: readClients(client, known),
    origin: authorization.origin(),
  };
}

function readServers(
  server: Fields<keyof typeof SERVER>,
  servers: readonly Server[],
): readonly Server[] {
  const own = servers.filter(({ namespace }) => namespace === server.object.namespace);
  const name = server.string("name");
  if (name !== undefined) return own.filter((each) => each.name === name);
  const selector = server.mapping("selector", SELECTOR);
  if (selector === undefined) {
    server.missing("name", "a Server's name, or a selector of their labels");
    return [];
  }
  const labels = readLabels(selector);
  return own.filter((each) => matchesLabels(each.labels, labels));
}

function readClients(client: ClientFields, known: Known): readonly (readonly Condition[])[] {
  const who = readIdentities(client, known);
  if (!client.has("networks")) return who;
  const networks = client
    .mappings("networks", NETWORK_TABLE)
    .flatMap((network) => readNetwork(network) ?? []);
  return who.flatMap((list) => networks.map((network) => [...list, network]));
}

function readIdentities(client: ClientFields, known: Known): readonly (readonly Condition[])[] {
  if (client.raw("unauthenticated") === true) return [[]];
  const tls = client.mapping("meshTLS", MESH_TLS);
  if (tls === undefined) {
    client.missing("meshTLS", "meshTLS, or unauthenticated: true");
    return [];
  }
  const named = tls.strings("identities").flatMap((identity, index) => {
    const principal = principalOf(identity);
    if (principal !== undefined) return principal;
    const message = "The identity cannot be read, so nobody has it";
    tls.problemAt(["identities", index], { message, found: identity, allowed: IDENTITY_WORDS });
    return [];
  });
  const accounts = tls.mappings("serviceAccounts", ACCOUNT).flatMap((account) => {
    const name = account.requiredString("name");
    const namespace = account.string("namespace") ?? client.object.namespace;
    return name === undefined ? [] : accountPrincipal(known.settings, namespace, name);
  });
  return identities([...named, ...accounts]).map((condition) => [condition]);
}
