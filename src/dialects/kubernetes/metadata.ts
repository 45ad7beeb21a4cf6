import type { Diagnostic } from "../../base/diagnostic.ts";
import { type FieldTable, fieldTable } from "./field-table.ts";
import { Fields, isMapping } from "./fields.ts";
import type { KubernetesObject } from "./object.ts";
import type { ObjectHead } from "./yaml-object.ts";

/** RFC 1123 label: names of Services and namespaces. */
export const DNS_LABEL: RegExp = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** RFC 1123 subdomain: names of most objects. */
export const DNS_SUBDOMAIN: RegExp =
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const OBJECT = fieldTable({
  executed: ["apiVersion", "kind", "metadata"],
});

/** Metadata that every object may have. */
const METADATA = fieldTable({
  executed: ["name", "namespace", "labels", "annotations", "creationTimestamp"],
  accepted: [
    "generateName",
    "uid",
    "resourceVersion",
    "generation",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
  ],
});

export const METADATA_TABLES: Readonly<Record<string, FieldTable>> = { metadata: METADATA };

/** Kinds that live outside namespaces, of the API groups that meshes meet. */
const CLUSTER_KINDS: ReadonlySet<string> = new Set([
  "Namespace",
  "Node",
  "PersistentVolume",
  "ClusterRole",
  "ClusterRoleBinding",
  "CustomResourceDefinition",
  "APIService",
  "StorageClass",
  "PriorityClass",
  "RuntimeClass",
  "IngressClass",
  "GatewayClass",
  "ValidatingWebhookConfiguration",
  "MutatingWebhookConfiguration",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
]);

/** How messages call an object that has no name. */
export const NAMELESS = "without name";

/** What can be said of an object before anything is checked; for messages about its head. */
export function guessHead(value: Readonly<Record<string, unknown>>): ObjectHead {
  const metadata = isMapping(value.metadata) ? value.metadata : {};
  return {
    apiVersion: textOf(value.apiVersion),
    kind: textOf(value.kind) || "object",
    namespace: textOf(metadata.namespace),
    name: textOf(metadata.name) || NAMELESS,
    labels: {},
    annotations: {},
    creationTimestamp: "",
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/**
 * apiVersion, kind and metadata; undefined, with errors, where the document is no object. An
 * object whose name is wrong or missing is read on, so that its other errors are found as well.
 * `bare` is the object without its head: it knows the positions.
 */
export function readHead(
  value: Readonly<Record<string, unknown>>,
  bare: KubernetesObject,
  diagnostics: Diagnostic[],
): ObjectHead | undefined {
  const open = Object.fromEntries(Object.keys(value).map((name) => [name, "accepted" as const]));
  const fields = Fields.ofObject(bare, { ...open, ...OBJECT }, diagnostics);
  const apiVersion = fields.requiredString("apiVersion");
  const kind = fields.requiredString("kind");
  const metadata = fields.requiredMapping("metadata", METADATA);
  const rightName = metadata?.requiredString("name", {
    lengthMax: 253,
    pattern: kind?.includes("Role") ? /^[^/%]+$/ : DNS_SUBDOMAIN,
    allowed: "a DNS subdomain name: lower case letters, digits, - and .",
  });
  const rule = { pattern: DNS_LABEL, allowed: "a DNS label" };
  const namespace = metadata?.string("namespace", rule);
  const labels = metadata?.labels("labels") ?? {};
  const annotations = metadata?.labels("annotations") ?? {};
  const creationTimestamp = metadata?.string("creationTimestamp") ?? "";
  if (apiVersion === undefined || kind === undefined || metadata === undefined) return undefined;
  const name = rightName ?? bare.name;
  const home = CLUSTER_KINDS.has(kind) ? "" : (namespace ?? "default");
  return { apiVersion, kind, namespace: home, name, labels, annotations, creationTimestamp };
}
