import type { Diagnostic } from "../../../base/diagnostic.ts";
import type { Credential } from "../../../model/transport/credential.ts";
import { isMapping } from "../fields.ts";
import { type KubernetesObject, subjectOfObject } from "../object.ts";

/** An entry under Kubernetes' name, or Istio's older one, and what its PEM is labelled. */
interface Entry {
  readonly names: readonly string[];
  readonly label: string;
}

const CERTIFICATE: Entry = { names: ["tls.crt", "cert"], label: "CERTIFICATE" };
const PRIVATE_KEY: Entry = { names: ["tls.key", "key"], label: "PRIVATE KEY" };
const AUTHORITIES: Entry = { names: ["ca.crt", "cacert"], label: "CERTIFICATE" };
const REVOCATIONS: Entry = { names: ["ca.crl", "crl"], label: "X509 CRL" };

/**
 * A Secret that holds certificates; undefined for one that holds something else, which is nobody's
 * business here. What is wrong with one is said without a letter of its content.
 */
export function readSecret(
  object: KubernetesObject,
  diagnostics: Diagnostic[],
): Credential | undefined {
  const [certificate, privateKey, authorities, revocations] = [
    CERTIFICATE,
    PRIVATE_KEY,
    AUTHORITIES,
    REVOCATIONS,
  ].map((entry) => readEntry(object, entry, diagnostics));
  const none = certificate ?? privateKey ?? authorities ?? revocations;
  if (none === undefined) return undefined;
  if ((certificate === undefined) !== (privateKey === undefined)) {
    const missing = certificate === undefined ? CERTIFICATE : PRIVATE_KEY;
    diagnostics.push(finding(object, ["data"], `${missing.names[0]} is missing`));
  }
  const pair =
    certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey };
  const { name, namespace } = object;
  return { name, namespace, pair, authorities, revocations };
}

function readEntry(
  object: KubernetesObject,
  { names, label }: Entry,
  diagnostics: Diagnostic[],
): string | undefined {
  for (const name of names) {
    for (const field of ["data", "stringData"] as const) {
      const text = textAt(object, field, name);
      if (text === undefined) continue;
      const pem = field === "data" ? Buffer.from(text, "base64").toString("utf8") : text;
      if (new RegExp(`-----BEGIN [A-Z0-9 ]*${label}-----`).test(pem)) return pem;
      const what = field === "data" ? "base64 of PEM" : "PEM";
      diagnostics.push(finding(object, [field, name], `${name} is no ${what} (${label})`));
      return undefined;
    }
  }
  return undefined;
}

function textAt(object: KubernetesObject, field: string, name: string): string | undefined {
  const entries = object.value[field];
  if (!isMapping(entries) || !Object.hasOwn(entries, name)) return undefined;
  const value = (entries as Record<string, unknown>)[name];
  return typeof value === "string" ? value : "";
}

function finding(
  object: KubernetesObject,
  path: readonly [field: string, ...names: string[]],
  message: string,
): Diagnostic {
  return {
    code: "OUT0106",
    severity: "error",
    message,
    position: object.positionOf([...path]),
    subject: subjectOfObject(object),
    path: path.join("."),
  };
}
