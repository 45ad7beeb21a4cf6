import type { Spec } from "../spec.ts";

/** What the rest of the rule says that decides about a TLS block. */
export interface TlsPlace {
  readonly host: string;
  /** Undefined for the whole host. */
  readonly port: number | undefined;
  readonly workloadSelector: boolean;
}

/**
 * ClientTLSSettings. Endpoints are reached in plaintext so far, which is what DISABLE asks for;
 * every other mode is an error, because silently sending plaintext where TLS was demanded would
 * give away what the author meant to protect.
 */
export function checkTls(tls: Spec, place: TlsPlace): void {
  if (!tls.present) return;
  const mode = tls.at("mode").text() ?? "DISABLE";
  checkCertificates(tls, mode);
  if (mode === "SIMPLE" || mode === "MUTUAL") reportUnverified(tls, mode, place);
  if (mode === "DISABLE") return;
  tls
    .at("mode")
    .report(
      "error",
      "OUT0202",
      `TLS of a DestinationRule is not executed, and plaintext in place of ${mode} would be unsafe`,
      { allowed: "DISABLE", hint: "remove the tls block to accept plaintext inside this mesh" },
    );
}

const FILES = ["clientCertificate", "privateKey", "caCertificates", "caCrl"];

function checkCertificates(tls: Spec, mode: string): void {
  const has = (field: string): boolean => (tls.at(field).text() ?? "") !== "";
  if (mode !== "SIMPLE" && mode !== "MUTUAL") return;
  const sans = tls.at("subjectAltNames").present;
  if (tls.at("insecureSkipVerify").flag() === true) {
    const given =
      mode === "SIMPLE"
        ? has("caCertificates") || has("credentialName") || sans
        : has("caCertificates") || sans;
    const fields =
      mode === "SIMPLE"
        ? "CaCertificates or CredentialName or SubjectAltNames"
        : "CaCertificates or SubjectAltNames";
    if (given) tls.refuse(`cannot specify ${fields} when InsecureSkipVerify is set true`);
  }
  if (has("credentialName")) {
    if (FILES.some(has)) {
      tls.refuse(
        "cannot specify client certificates or CA certificate or CA CRL " +
          "If credentialName is set",
      );
    }
    return;
  }
  if (mode !== "MUTUAL") return;
  if (!has("clientCertificate")) tls.refuse("client certificate required for mutual tls");
  if (!has("privateKey")) tls.refuse("private key required for mutual tls");
}

/** IST0128 and IST0129. A credential is only fetched for workloads that a selector names. */
function reportUnverified(tls: Spec, mode: string, place: TlsPlace): void {
  const credential = (tls.at("credentialName").text() ?? "") !== "" && place.workloadSelector;
  if ((tls.at("caCertificates").text() ?? "") !== "" || credential) return;
  const { name, namespace } = tls.object;
  const port = place.port === undefined ? "" : ` at port ${place.port}`;
  tls.report(
    "warning",
    place.port === undefined ? "IST0128" : "IST0129",
    `DestinationRule ${name} in namespace ${namespace} has TLS mode set to ${mode} but no ` +
      `caCertificates are set to validate server identity for host: ${place.host}${port}`,
  );
}
