import type { Position } from "../../base/diagnostic.ts";
import type { Labels } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";

/** A place inside an object: mapping keys and list indices from its root. */
export type Path = readonly (string | number)[];

/** One Kubernetes object as it was written, its metadata read, and where each field stands. */
export interface KubernetesObject {
  readonly apiVersion: string;
  /** `apps` of `apps/v1`; empty for the core group. */
  readonly group: string;
  /** `v1` of `apps/v1`. */
  readonly version: string;
  readonly kind: string;
  /** `default` where none is written; empty for kinds that live outside namespaces. */
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  /** RFC 3339, or empty. */
  readonly creationTimestamp: string;
  /** The whole object as plain data, aliases and merge keys resolved. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Where the value at the path stands; for a missing one, where its closest parent stands. */
  positionOf(path: Path): Position;
  /** Where the key of the mapping entry at the path stands; same rule for missing ones. */
  keyPositionOf(path: Path): Position;
  /** For the model: which YAML caused it. */
  origin(path?: Path): Origin;
}

/** The annotation that says why somebody decided so; it travels with every origin. */
export const RATIONALE_ANNOTATION = "outrigger.dev/rationale";

/** `spec.http[0].match`; keys that are no plain words stand in brackets and quotes. */
export function formatPath(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** `VirtualService default/reviews`: how a diagnostic names the object that it concerns. */
export function subjectOfObject(object: KubernetesObject): string {
  const scope = object.namespace === "" ? "" : `${object.namespace}/`;
  return `${object.kind} ${scope}${object.name}`;
}
