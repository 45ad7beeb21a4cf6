import type { Origin } from "../origin.ts";
import type { PolicyScope } from "./access-policy.ts";

/** Istio: PeerAuthentication.MutualTLS.Mode; `unset` takes the next wider scope's. */
export type MutualTlsMode = "unset" | "disable" | "permissive" | "strict";

/** Istio: security.istio.io/v1 PeerAuthentication: what pods accept. */
export interface PeerAuthentication {
  /** The mesh (no namespace), a namespace (no labels), or pods of it. */
  readonly scope: PolicyScope;
  readonly mode: MutualTlsMode;
  /** By container port; only where the scope has labels. */
  readonly portModes: ReadonlyMap<number, MutualTlsMode>;
  readonly origin: Origin;
}
