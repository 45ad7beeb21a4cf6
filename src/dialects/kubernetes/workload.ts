import type { Diagnostic } from "../../base/diagnostic.ts";
import type { Labels, PodTemplate } from "../../model/mesh.ts";
import { readAppMetrics } from "./annotations/app-metrics.ts";
import { readInboundPolicy } from "./annotations/inbound-policy.ts";
import { OPAQUE_PORTS, readOpaquePorts } from "./annotations/opaque-ports.ts";
import { readPodTraffic } from "./annotations/pod-traffic.ts";
import { reportFaults } from "./annotations/port-list.ts";
import { type FieldTable, fieldTable } from "./field-table.ts";
import { Fields } from "./fields.ts";
import type { KubernetesObject } from "./object.ts";
import { readPodSpec } from "./pod-spec.ts";

const OBJECT = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});

const DEPLOYMENT_SPEC = fieldTable({
  executed: ["replicas", "selector", "template"],
  accepted: ["minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit", "strategy"],
  reported: ["paused"],
});

const STATEFUL_SET_SPEC = fieldTable({
  executed: ["replicas", "selector", "template", "serviceName"],
  accepted: [
    "minReadySeconds",
    "persistentVolumeClaimRetentionPolicy",
    "podManagementPolicy",
    "revisionHistoryLimit",
    "updateStrategy",
    "volumeClaimTemplates",
  ],
  reported: ["ordinals"],
});

const DAEMON_SET_SPEC = fieldTable({
  executed: ["selector", "template"],
  accepted: ["minReadySeconds", "revisionHistoryLimit", "updateStrategy"],
});

const TEMPLATE = fieldTable({ executed: ["metadata", "spec"] });

const TEMPLATE_METADATA = fieldTable({
  executed: ["labels", "annotations"],
  accepted: ["name", "namespace", "generateName", "creationTimestamp", "finalizers"],
});

const SELECTOR = fieldTable({ executed: ["matchLabels", "matchExpressions"] });

const EXPRESSION = fieldTable({ executed: ["key", "operator", "values"] });

export const WORKLOAD_TABLES: Readonly<Record<string, FieldTable>> = {
  "Deployment.spec": DEPLOYMENT_SPEC,
  "StatefulSet.spec": STATEFUL_SET_SPEC,
  "DaemonSet.spec": DAEMON_SET_SPEC,
  template: TEMPLATE,
  "template.metadata": TEMPLATE_METADATA,
  selector: SELECTOR,
  "selector.matchExpressions[]": EXPRESSION,
};

type SpecName = "selector" | "template" | "replicas" | "serviceName";

/** Deployment, StatefulSet or DaemonSet of `apps/v1`. */
export function readWorkload(
  object: KubernetesObject,
  diagnostics: Diagnostic[],
): PodTemplate | undefined {
  const fields = Fields.ofObject(object, OBJECT, diagnostics);
  if (object.apiVersion !== "apps/v1") {
    fields.bad("apiVersion", `Kubernetes serves no ${object.kind} of this version`, "apps/v1");
  }
  switch (object.kind) {
    case "Deployment": {
      const spec = fields.requiredMapping("spec", DEPLOYMENT_SPEC);
      return spec && workloadOf("Deployment", spec, spec.integer("replicas", { min: 0 }), "");
    }
    case "StatefulSet": {
      const spec = fields.requiredMapping("spec", STATEFUL_SET_SPEC);
      const serviceName = spec?.string("serviceName") ?? "";
      return (
        spec && workloadOf("StatefulSet", spec, spec.integer("replicas", { min: 0 }), serviceName)
      );
    }
    default: {
      const spec = fields.requiredMapping("spec", DAEMON_SET_SPEC);
      return spec && workloadOf("DaemonSet", spec, 1, "");
    }
  }
}

/** A Pod that no controller made. */
export function readPod(
  object: KubernetesObject,
  diagnostics: Diagnostic[],
): PodTemplate | undefined {
  const fields = Fields.ofObject(object, OBJECT, diagnostics);
  const spec = readPodSpec(fields, "spec");
  checkAnnotations(fields, ["metadata", "annotations"], object.annotations);
  if (spec === undefined) return undefined;
  return {
    kind: "Pod",
    name: object.name,
    namespace: object.namespace,
    replicas: 1,
    labels: object.labels,
    annotations: object.annotations,
    ...spec,
    serviceName: "",
    origin: object.origin(),
  };
}

function workloadOf<Name extends string>(
  kind: "Deployment" | "StatefulSet" | "DaemonSet",
  spec: Fields<Name | Exclude<SpecName, "replicas" | "serviceName">>,
  replicas: number | undefined,
  serviceName: string,
): PodTemplate | undefined {
  const template = spec.requiredMapping("template", TEMPLATE);
  if (template === undefined) return undefined;
  const metadata = template.mapping("metadata", TEMPLATE_METADATA);
  const labels = metadata?.labels("labels") ?? {};
  const annotations = metadata?.labels("annotations") ?? {};
  if (metadata !== undefined) checkAnnotations(metadata, ["annotations"], annotations);
  checkSelector(spec.requiredMapping("selector", SELECTOR), labels);
  const pod = readPodSpec(template, "spec");
  if (pod === undefined) return undefined;
  const { name, namespace } = spec.object;
  return {
    kind,
    name,
    namespace,
    replicas: replicas ?? 1,
    labels,
    annotations,
    ...pod,
    serviceName,
    origin: spec.object.origin(),
  };
}

/** What a pod's sidecar would be told wrongly. */
function checkAnnotations(
  fields: Pick<Fields<string>, "problemAt">,
  inner: readonly string[],
  annotations: Labels,
): void {
  const opaque = OPAQUE_PORTS in annotations ? readOpaquePorts(annotations).faults : [];
  reportFaults(fields, inner, [
    ...readPodTraffic(annotations).faults,
    ...opaque,
    ...readInboundPolicy(annotations).faults,
    ...readAppMetrics(annotations).faults,
  ]);
}

type SelectorFields = Fields<keyof typeof SELECTOR>;
type ExpressionFields = Fields<keyof typeof EXPRESSION>;

/** The API server refuses a workload whose selector does not match its own template. */
function checkSelector(selector: SelectorFields | undefined, labels: Labels): void {
  if (selector === undefined) return;
  const wanted = selector.labels("matchLabels") ?? {};
  const expressions = selector.mappings("matchExpressions", EXPRESSION);
  if (Object.keys(wanted).length === 0 && expressions.length === 0) {
    selector.problemAt([], {
      message: "The selector is empty",
      allowed: "matchLabels or matchExpressions",
    });
  }
  for (const [key, value] of Object.entries(wanted)) {
    if (labels[key] === value) continue;
    selector.problemAt(["matchLabels", key], {
      message: "The selector does not match the labels of the pod template",
      found: `${key}: ${value}`,
      allowed: labels[key] === undefined ? `no label ${key} there` : `${key}: ${labels[key]}`,
      hint: "give spec.template.metadata.labels the selector's labels",
    });
  }
  for (const expression of expressions) checkExpression(expression, labels);
}

function checkExpression(expression: ExpressionFields, labels: Labels): void {
  const key = expression.requiredString("key") ?? "";
  const operator = expression.word("operator", ["In", "NotIn", "Exists", "DoesNotExist"]);
  const values = expression.strings("values");
  const label = labels[key];
  if (operator === undefined) {
    if (!expression.has("operator")) expression.missing("operator");
    return;
  }
  const holds = {
    In: label !== undefined && values.includes(label),
    NotIn: label === undefined || !values.includes(label),
    Exists: label !== undefined,
    DoesNotExist: label === undefined,
  };
  if (!holds[operator]) {
    expression.problemAt([], {
      message: "The selector does not match the labels of the pod template",
      found: `${key} ${operator} ${values.join(", ")}`.trim(),
      allowed: label === undefined ? `no label ${key} there` : `${key}: ${label}`,
    });
  }
}
