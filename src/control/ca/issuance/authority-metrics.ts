import { X509Certificate } from "node:crypto";
import { pemBlocks } from "../../../identity/der/pem.ts";
import { at } from "../../../metrics/cells.ts";
import { counter, gauge } from "../../../metrics/column.ts";
import type { Registry } from "../../../metrics/registry.ts";
import type { Row } from "../../../metrics/row.ts";
import type { Table } from "../../../metrics/table.ts";
import type { Caller, RefusalReason } from "../callers/authenticator.ts";
import type { CertificateAuthority } from "../certificate-authority.ts";
import type { IssuanceObserver } from "./certificate-service.ts";

/** Names beside istiod's: `citadel_server_root_cert_expiry_timestamp` and the like. */
const GAUGES = [
  gauge(
    "citadel_server_root_cert_expiry_timestamp",
    "When the root that ends first expires, in seconds since 1970.",
  ),
  gauge(
    "citadel_server_cert_chain_expiry_timestamp",
    "When the signing certificate expires, in seconds since 1970.",
  ),
  gauge("outrigger_ca_revoked_certificates", "Certificates on the revocation list."),
];
const ISSUED = [counter("outrigger_ca_certificates_issued_total", "Certificates issued.")];
const REFUSED = [
  counter("outrigger_ca_requests_refused_total", "Requests for a certificate that were refused."),
];
const SECOND_MS = 1000;

/** What `/metrics` shows of the authority. */
export class AuthorityMetrics implements IssuanceObserver {
  readonly #issued: Table;
  readonly #refused: Table;

  constructor(registry: Registry, authority: CertificateAuthority) {
    const gauges = registry
      .table({ name: "ca", columns: GAUGES, labelNames: [], rowsMax: 1 })
      .row([]);
    this.#issued = registry.table({
      name: "ca_issued",
      columns: ISSUED,
      labelNames: ["method"],
      rowsMax: 8,
    });
    this.#refused = registry.table({
      name: "ca_refused",
      columns: REFUSED,
      labelNames: ["reason"],
      rowsMax: 32,
    });
    registry.onCollect(() => {
      gauges.cells.set([
        firstExpiry(authority.roots) / SECOND_MS,
        authority.signing.facts.notAfter / SECOND_MS,
        authority.revokedCount,
      ]);
    });
  }

  issued(method: Caller["method"]): void {
    bump(this.#issued.row([method]));
  }

  refused(reason: RefusalReason): void {
    bump(this.#refused.row([reason]));
  }
}

/** Milliseconds since 1970. */
function firstExpiry(roots: string): number {
  const ends = pemBlocks(roots, "CERTIFICATE").map((der) =>
    new X509Certificate(der).validToDate.getTime(),
  );
  return Math.min(...ends);
}

function bump(row: Row): void {
  row.cells[0] = at(row.cells, 0) + 1;
}
