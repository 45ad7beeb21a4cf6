import type { Position } from "../base/diagnostic.ts";

/**
 * The YAML that a piece of the mesh came from, carried as far as the request path, so that every
 * decision at run time can name its cause.
 */
export interface Origin {
  readonly position: Position;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** The field inside the object, as `spec.http[0]`; empty for the whole object. */
  readonly path: string;
  /** The annotation `outrigger.dev/rationale`: why the author decided so. */
  readonly rationale?: string | undefined;
}

/** `VirtualService default/reviews`. */
export function subjectOf(origin: Pick<Origin, "kind" | "namespace" | "name">): string {
  return `${origin.kind} ${origin.namespace === "" ? "" : `${origin.namespace}/`}${origin.name}`;
}
