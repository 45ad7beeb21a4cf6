import type { NetworkRbac } from "../../../model/filter/rbac.ts";
import type { TunnelClient } from "../../tcp/tunnel-end.ts";
import type { RbacStats } from "../../telemetry/envoy/filter/rbac-stats.ts";
import type { DynamicMetadata } from "../dynamic-metadata.ts";
import {
  COMMON_METADATA,
  CompiledRbac,
  LOGGED,
  NETWORK_METADATA,
  NOT_LOGGED,
  RbacEngines,
} from "./compiled-rbac.ts";
import { NO_POLICY } from "./compiled-rules.ts";
import { ConnectionSubject } from "./connection-subject.ts";

/** Envoy: envoy.filters.network.rbac. Says who may connect. */
export class ConnectionRbac {
  readonly #rbac: CompiledRbac;
  readonly #stats: RbacStats;

  /** Throws where a regex or an address is none. */
  constructor(config: NetworkRbac, stats: RbacStats) {
    this.#rbac = new CompiledRbac(new RbacEngines(config));
    this.#stats = stats;
  }

  /**
   * Undefined where the connection may go on; else Envoy's words for why not. `metadata` takes what
   * is said of it.
   */
  denialOf(client: TunnelClient, metadata: DynamicMetadata): string | undefined {
    const subject = new ConnectionSubject(client, metadata);
    const { enforced, shadow } = this.#rbac;
    if (shadow !== undefined) {
      const matched = shadow.rules.match(subject);
      this.#stats.countShadow(shadow.rules.allows(matched));
      metadata.merge(NETWORK_METADATA, shadow.said(matched));
    }
    if (enforced === undefined) return undefined;
    const { rules } = enforced;
    const matched = rules.match(subject);
    const allowed = rules.allows(matched);
    this.#stats.count(allowed);
    if (rules.action === "log") {
      metadata.merge(COMMON_METADATA, matched === NO_POLICY ? NOT_LOGGED : LOGGED);
    }
    return allowed ? undefined : this.#rbac.denialDetails(matched);
  }
}
