import type { Container, ContainerPort, Labels } from "../../model/mesh.ts";
import { type FieldTable, fieldTable } from "./field-table.ts";
import type { Fields } from "./fields.ts";
import { DNS_LABEL, DNS_SUBDOMAIN } from "./metadata.ts";
import { PORT_NAME } from "./service.ts";

const POD_SPEC = fieldTable({
  executed: ["containers", "serviceAccountName", "serviceAccount"],
  accepted: [
    "activeDeadlineSeconds",
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostUsers",
    "hostname",
    "hostnameOverride",
    "imagePullSecrets",
    "nodeName",
    "nodeSelector",
    "os",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "resourceClaims",
    "resources",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "schedulingGates",
    "securityContext",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "tolerations",
    "topologySpreadConstraints",
    "volumes",
  ],
  reported: ["initContainers", "ephemeralContainers", "hostNetwork", "hostPID", "hostIPC"],
});

const CONTAINER = fieldTable({
  executed: ["name", "image", "command", "args", "ports", "env"],
  accepted: [
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "readinessProbe",
    "resizePolicy",
    "resources",
    "restartPolicy",
    "restartPolicyRules",
    "securityContext",
    "startupProbe",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
  ],
  reported: ["envFrom"],
});

const CONTAINER_PORT = fieldTable({
  executed: ["name", "containerPort", "protocol"],
  accepted: ["hostIP", "hostPort"],
});

const ENV = fieldTable({ executed: ["name", "value"], reported: ["valueFrom"] });

export const POD_TABLES: Readonly<Record<string, FieldTable>> = {
  PodSpec: POD_SPEC,
  "PodSpec.containers[]": CONTAINER,
  "PodSpec.containers[].ports[]": CONTAINER_PORT,
  "PodSpec.containers[].env[]": ENV,
};

type PodFields = Fields<keyof typeof POD_SPEC>;
type ContainerFields = Fields<keyof typeof CONTAINER>;

export interface PodSpec {
  /** `default` where none is named. */
  readonly serviceAccount: string;
  readonly containers: readonly Container[];
}

/** The `spec` of a Pod or of a pod template. Undefined, with an error, where it is missing. */
export function readPodSpec<Name extends string>(
  owner: Fields<Name>,
  field: Name,
): PodSpec | undefined {
  const spec = owner.requiredMapping(field, POD_SPEC);
  if (spec === undefined) return undefined;
  const rule = { pattern: DNS_SUBDOMAIN, allowed: "the name of a ServiceAccount" };
  const account = spec.string("serviceAccountName", rule) ?? spec.string("serviceAccount", rule);
  return { serviceAccount: account ?? "default", containers: readContainers(spec) };
}

function readContainers(spec: PodFields): Container[] {
  const entries = spec.mappings("containers", CONTAINER);
  if (entries.length === 0) spec.missing("containers", "at least one container");
  const names = new Set<string>();
  const portNames = new Map<string, string>();
  return entries.flatMap((entry) => {
    const name = entry.requiredString("name", { pattern: DNS_LABEL, allowed: "a DNS label" });
    if (name !== undefined && names.has(name)) {
      entry.bad("name", "Two containers of the pod have this name", "unique names");
    }
    names.add(name ?? "");
    return name === undefined ? [] : [readContainer(entry, name, portNames)];
  });
}

function readContainer(
  entry: ContainerFields,
  name: string,
  portNames: Map<string, string>,
): Container {
  return {
    name,
    image: entry.requiredString("image", { allowed: "an image reference" }) ?? "",
    command: entry.strings("command"),
    args: entry.strings("args"),
    ports: readContainerPorts(entry, name, portNames),
    env: readEnvironment(entry),
    origin: entry.origin(),
  };
}

function readContainerPorts(
  container: ContainerFields,
  owner: string,
  owners: Map<string, string>,
): ContainerPort[] {
  return container.mappings("ports", CONTAINER_PORT).flatMap((entry) => {
    const port = entry.requiredInteger("containerPort", { min: 1, max: 65_535 });
    const protocol = entry.word("protocol", ["TCP", "UDP", "SCTP"]) ?? "TCP";
    const allowed = "at most 15 lower case letters, digits and single dashes";
    const name = entry.string("name", { pattern: PORT_NAME, allowed }) ?? "";
    const other = owners.get(name);
    if (name !== "" && other !== undefined) {
      entry.problem("name", {
        severity: other === owner ? "error" : "warning",
        message: `Two ports of the pod have this name; a Service finds the one of ${other}`,
        found: name,
        allowed: "unique names in a pod",
      });
    } else owners.set(name, owner);
    return port === undefined ? [] : [{ name, port, protocol }];
  });
}

/** Literal values; the others are known only to a cluster, and are reported. */
function readEnvironment(container: ContainerFields): Labels {
  const pairs = container.mappings("env", ENV).flatMap((entry): [string, string][] => {
    const name = entry.requiredString("name", { allowed: "a variable's name" });
    const value = entry.string("value") ?? "";
    return name === undefined || entry.has("valueFrom") ? [] : [[name, value]];
  });
  return Object.fromEntries(pairs);
}
