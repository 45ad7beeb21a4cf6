import { type Cluster, tlsContextsOf } from "../../../model/cluster.ts";
import type { Mesh, Pod } from "../../../model/mesh.ts";
import type { Credential } from "../../../model/transport/credential.ts";
import type { Secret } from "../../../model/transport/secret.ts";
import { type DataSource, NO_VALIDATION } from "../../../model/transport/tls.ts";
import { CREDENTIAL, CREDENTIAL_CA } from "./secrets.ts";

/**
 * The Secrets of a pod's own namespace that its clusters name, by Istio's names. A pod that is not
 * known gets none: only its own word would say which rules select it.
 */
export function credentialsFor(
  mesh: Pick<Mesh, "credentials">,
  pod: Pick<Pod, "namespace"> | undefined,
  clusters: readonly Cluster[],
): readonly Secret[] {
  if (pod === undefined || (mesh.credentials ?? []).length === 0) return [];
  const own = new Map(
    (mesh.credentials ?? [])
      .filter(({ namespace }) => namespace === pod.namespace)
      .map((credential) => [credential.name, credential]),
  );
  const contexts = clusters.flatMap((cluster) => tlsContextsOf(cluster));
  const names = contexts.flatMap(({ certificateSecrets = [], validationSecret }) =>
    [...certificateSecrets, ...(validationSecret === undefined ? [] : [validationSecret])]
      .filter(({ source }) => source.kind === "ads")
      .map(({ name }) => name),
  );
  return [...new Set(names)].sort().flatMap((name) => secretOf(name, own) ?? []);
}

function secretOf(name: string, own: ReadonlyMap<string, Credential>): Secret | undefined {
  if (!name.startsWith(CREDENTIAL)) return undefined;
  const plain = name.slice(CREDENTIAL.length);
  if (plain.endsWith(CREDENTIAL_CA)) {
    // A Secret of its own, as Istio's gateways have it, or an entry of the pair's.
    const beside = own.get(plain) ?? own.get(plain.slice(0, -CREDENTIAL_CA.length));
    return beside === undefined ? undefined : authoritiesOf(name, beside);
  }
  const pair = own.get(plain)?.pair;
  if (pair === undefined) return undefined;
  const certificate = {
    certificateChain: inline(pair.certificate),
    privateKey: inline(pair.privateKey),
  };
  return { kind: "certificate", name, certificate };
}

function authoritiesOf(name: string, { authorities, revocations }: Credential): Secret | undefined {
  if (authorities === undefined) return undefined;
  const crl = revocations === undefined ? undefined : inline(revocations);
  return {
    kind: "validation",
    name,
    validation: { ...NO_VALIDATION, trustedCa: inline(authorities), crl },
  };
}

function inline(text: string): DataSource {
  return { kind: "inline", text };
}
