import type { Diagnostic, Severity } from "../../base/diagnostic.ts";
import type {
  MeshSettings,
  Namespace,
  PodTemplate,
  Service,
  ServiceAccount,
} from "../../model/mesh.ts";
import type { Credential } from "../../model/transport/credential.ts";
import { readInboundPolicy } from "./annotations/inbound-policy.ts";
import { readOpaquePorts, withNamespaces } from "./annotations/opaque-ports.ts";
import { reportFaults } from "./annotations/port-list.ts";
import { readSecret } from "./credentials/secret.ts";
import { fieldTable } from "./field-table.ts";
import { Fields } from "./fields.ts";
import { type KubernetesObject, subjectOfObject } from "./object.ts";
import { readService } from "./service.ts";
import { readPod, readWorkload } from "./workload.ts";

const NAMESPACE = fieldTable({
  executed: ["apiVersion", "kind", "metadata"],
  accepted: ["spec", "status"],
});

/** What exists in the mesh, by the Kubernetes objects. */
export interface KubernetesTranslation {
  readonly services: readonly Service[];
  readonly podTemplates: readonly PodTemplate[];
  readonly serviceAccounts: readonly ServiceAccount[];
  readonly namespaces: readonly Namespace[];
  /** Secrets that hold certificates. */
  readonly credentials: readonly Credential[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Kinds that would run something or move traffic, and do not here. */
const NOT_EXECUTED: Readonly<Record<string, string>> = {
  ReplicaSet: "write it as a Deployment",
  ReplicationController: "write it as a Deployment",
  Job: "its pods are not started",
  CronJob: "its pods are not started",
  Ingress: "reach the pods through the mesh, or with `up --outside`",
  NetworkPolicy: "no connection is refused because of it",
  HorizontalPodAutoscaler: "the number of replicas stays as written",
  Endpoints: "endpoints come from Services with selectors and from ServiceEntries",
  EndpointSlice: "endpoints come from Services with selectors and from ServiceEntries",
};

/** API groups that Kubernetes itself serves, so that their kinds are known even if unused. */
const OWN_GROUPS: ReadonlySet<string> = new Set([
  "",
  "apps",
  "batch",
  "autoscaling",
  "policy",
  "extensions",
]);

/** True for Kubernetes' own objects, executed or not; the rest belongs to dialects. */
export function isKubernetesObject(object: Pick<KubernetesObject, "group">): boolean {
  if (OWN_GROUPS.has(object.group)) return true;
  return object.group.endsWith(".k8s.io") && !object.group.startsWith("gateway.");
}

/** Pure. Reads what `isKubernetesObject` says are ours, all at once. */
export function translateKubernetes(
  objects: readonly KubernetesObject[],
  settings: MeshSettings,
): KubernetesTranslation {
  const services: Service[] = [];
  const podTemplates: PodTemplate[] = [];
  const serviceAccounts: ServiceAccount[] = [];
  const credentials: Credential[] = [];
  const diagnostics: Diagnostic[] = [];
  const namespaces = readNamespaces(objects, diagnostics);
  for (const object of objects) {
    const { name, namespace } = object;
    switch (`${object.group}/${object.kind}`) {
      case "/Service":
        services.push(...present(readService(object, settings, diagnostics, namespaces)));
        break;
      case "/Pod":
        podTemplates.push(...present(readPod(object, diagnostics)));
        break;
      case "apps/Deployment":
      case "apps/StatefulSet":
      case "apps/DaemonSet":
      case "extensions/Deployment":
      case "extensions/DaemonSet":
        podTemplates.push(...present(readWorkload(object, diagnostics)));
        break;
      case "/ServiceAccount":
        serviceAccounts.push({ name, namespace });
        break;
      case "/Namespace":
        break;
      case "/Secret":
        credentials.push(...present(readSecret(object, diagnostics)));
        break;
      default:
        diagnostics.push(notExecuted(object));
    }
  }
  const inheriting = podTemplates.map((template) => ({
    ...template,
    annotations: withNamespaces(template.annotations, template.namespace, namespaces),
  }));
  return {
    ...{ services, podTemplates: inheriting, serviceAccounts, namespaces },
    credentials,
    diagnostics,
  };
}

/** First of all: what they say of ports holds for what is in them. */
function readNamespaces(
  objects: readonly KubernetesObject[],
  diagnostics: Diagnostic[],
): Namespace[] {
  return objects
    .filter(({ group, kind }) => group === "" && kind === "Namespace")
    .map((object) => {
      const { name, labels, annotations } = object;
      const fields = Fields.ofObject(object, NAMESPACE, diagnostics);
      reportFaults(
        fields,
        ["metadata", "annotations"],
        [...readOpaquePorts(annotations).faults, ...readInboundPolicy(annotations).faults],
      );
      return { name, labels, annotations };
    });
}

function present<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

/** A kind of Kubernetes that changes nothing here; a warning where somebody may expect it to. */
function notExecuted(object: KubernetesObject): Diagnostic {
  const hint = NOT_EXECUTED[object.kind];
  const severity = hint === undefined ? "info" : "warning";
  return kindFinding(object, severity, `${object.kind} is read but not executed`, hint);
}

/** For objects that no dialect speaks for. */
export function unknownKind(object: KubernetesObject): Diagnostic {
  const message = `Nothing here executes ${object.kind} of ${object.apiVersion}`;
  return kindFinding(object, "warning", message, undefined);
}

/** A finding about an object as a whole, at its `kind`: OUT0203. */
export function kindFinding(
  object: KubernetesObject,
  severity: Severity,
  message: string,
  hint: string | undefined,
): Diagnostic {
  return {
    code: "OUT0203",
    severity,
    message,
    position: object.positionOf(["kind"]),
    subject: subjectOfObject(object),
    path: "kind",
    found: `${object.apiVersion} ${object.kind}`,
    hint,
  };
}
