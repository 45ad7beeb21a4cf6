import { add } from "../metrics/cells.ts";
import { counter, gauge } from "../metrics/column.ts";
import type { Registry } from "../metrics/registry.ts";
import { CERTIFICATE_SECRET, ROOTS_SECRET } from "./workload-secrets.ts";

/** linkerd2-proxy's names. */
const IDENTITY = [
  gauge(
    "control_identity_cert_expiration_timestamp_seconds",
    "When the certificate in use expires, seconds since 1970; 0 before the first.",
  ),
  gauge(
    "control_identity_cert_refresh_timestamp_seconds",
    "When the certificate in use was obtained, seconds since 1970; 0 before the first.",
  ),
  counter("control_identity_cert_refreshes_total", "Certificates that were obtained."),
];
const EXPIRES = 0;
const REFRESHED = 1;
const REFRESHES = 2;

/** Istio's agent's names. */
const EXPIRY = [
  gauge(
    "istio_agent_cert_expiry_seconds",
    "Seconds until the certificate, or the first of the roots, expires; negative afterwards.",
  ),
];
const REQUESTS = [
  counter("istio_agent_num_outgoing_requests", "Requests to the certificate authority."),
  counter(
    "istio_agent_num_failed_outgoing_requests",
    "Requests to the certificate authority that brought no certificate.",
  ),
];
const SENT = 0;
const FAILED = 1;

/** What metrics are read from: milliseconds since 1970, undefined where there is none. */
export interface Expiries {
  readonly certificate: number | undefined;
  readonly roots: number | undefined;
}

export class AgentMetrics {
  readonly #identity: Float64Array;
  readonly #requests: Float64Array;

  constructor(registry: Registry, wall: () => number, expiries: () => Expiries) {
    this.#identity = registry
      .table({ name: "identity", columns: IDENTITY, labelNames: [], rowsMax: 1 })
      .row([]).cells;
    const requests = { name: "agent_requests", columns: REQUESTS, rowsMax: 1 };
    this.#requests = registry
      .table({ ...requests, labelNames: ["request_type"] })
      .row(["csr"]).cells;
    const table = registry.table({
      ...{ name: "agent_expiry", columns: EXPIRY, labelNames: ["resource_name"] },
      rowsMax: 2,
    });
    registry.onCollect(() => {
      const { certificate, roots } = expiries();
      const now = wall();
      if (certificate !== undefined)
        table.row([CERTIFICATE_SECRET]).cells[0] = s(certificate - now);
      if (roots !== undefined) table.row([ROOTS_SECRET]).cells[0] = s(roots - now);
    });
  }

  requested(): void {
    add(this.#requests, SENT, 1);
  }

  failed(): void {
    add(this.#requests, FAILED, 1);
  }

  /** Milliseconds since 1970. */
  obtained(now: number, notAfter: number): void {
    this.#identity[EXPIRES] = s(notAfter);
    this.#identity[REFRESHED] = s(now);
    add(this.#identity, REFRESHES, 1);
  }
}

function s(ms: number): number {
  return ms / 1000;
}
