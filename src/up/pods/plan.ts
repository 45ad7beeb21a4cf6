import { createHash } from "node:crypto";
import type { PodTemplate } from "../../model/mesh.ts";

/** A pod that ought to run. */
export interface PlannedPod {
  readonly name: string;
  readonly namespace: string;
  readonly template: PodTemplate;
  /** Changes when the pod has to be replaced: same key, same pod. */
  readonly key: string;
}

/** The letters of Kubernetes' own generated names: no vowels, so no words. */
const LETTERS = "bcdfghjklmnpqrstvwxz2456789";

/**
 * The pods that the templates ask for, named as Kubernetes would: `reviews-v1-<hash>-<hash>` for
 * a Deployment, `web-0` for a StatefulSet, the Pod's own name. The same template always gives the
 * same names.
 */
export function planPods(templates: readonly PodTemplate[]): PlannedPod[] {
  return templates.flatMap((template) => {
    const hash = word(contentOf(template), 10);
    return Array.from({ length: template.replicas }, (_, index) => {
      const name = podName(template, hash, index);
      return {
        name,
        namespace: template.namespace,
        template: withHashLabel(template, hash),
        key: `${template.kind}/${template.namespace}/${name}/${hash}`,
      };
    });
  });
}

/** `default/reviews-v1-…`. */
export function fullName(pod: { readonly namespace: string; readonly name: string }): string {
  return `${pod.namespace}/${pod.name}`;
}

function podName(template: PodTemplate, hash: string, index: number): string {
  const { kind, name } = template;
  if (kind === "Pod") return name;
  if (kind === "StatefulSet") return `${name}-${index}`;
  const own = word(`${template.namespace}/${name}/${hash}/${index}`, 5);
  return kind === "Deployment" ? `${name}-${hash}-${own}` : `${name}-${own}`;
}

/** The Deployment's controller adds `pod-template-hash` to its pods. */
function withHashLabel(template: PodTemplate, hash: string): PodTemplate {
  if (template.kind !== "Deployment") return template;
  return { ...template, labels: { ...template.labels, "pod-template-hash": hash } };
}

/** What a pod is made of; where it stands in which file is not part of it. */
function contentOf(template: PodTemplate): string {
  const { replicas: _replicas, origin: _origin, containers, ...rest } = template;
  const bare = containers.map(({ origin: _position, ...container }) => container);
  return JSON.stringify({ ...rest, containers: bare });
}

function word(text: string, length: number): string {
  const digest = createHash("sha256").update(text).digest();
  return [...digest.subarray(0, length)].map((byte) => LETTERS[byte % LETTERS.length]).join("");
}
