import type { Origin } from "../origin.ts";
import type { PolicyScope } from "./access-policy.ts";

/** Istio: PeerAuthentication.MutualTLS.Mode; `unset` takes the next wider scope's. */
export type MutualTlsMode = "unset" | "disable" | "permissive" | "strict";

/** A mode, and the line that says it. */
export interface WrittenMode {
  readonly mode: MutualTlsMode;
  readonly origin: Origin;
}

/** Istio: security.istio.io/v1 PeerAuthentication: what pods accept. */
export interface PeerAuthentication {
  readonly namespace: string;
  readonly name: string;
  /** The mesh (no namespace), a namespace (no labels), or pods of it. */
  readonly scope: PolicyScope;
  readonly mode: MutualTlsMode;
  /** By container port; only where the scope has labels. */
  readonly portModes: ReadonlyMap<number, WrittenMode>;
  /** Of several for one scope the oldest holds. */
  readonly creationTimestamp: string;
  /** The mode's own line, where there is one. */
  readonly origin: Origin;
}
