import type { TlsSettings } from "../../../model/destination-policy.ts";
import type { Spec } from "../spec.ts";

/** What the rest of the rule says that decides about a TLS block. */
export interface TlsPlace {
  readonly host: string;
  /** Undefined for the whole host. */
  readonly port: number | undefined;
  readonly workloadSelector: boolean;
}

const MODES: Readonly<Partial<Record<string, TlsSettings["mode"]>>> = {
  DISABLE: "disable",
  SIMPLE: "simple",
  MUTUAL: "mutual",
  ISTIO_MUTUAL: "istioMutual",
};

/** ClientTLSSettings; undefined where none is written. Without a mode it is DISABLE. */
export function readTls(tls: Spec, place: TlsPlace): TlsSettings | undefined {
  if (!tls.present) return undefined;
  const mode = tls.at("mode").text() ?? "DISABLE";
  checkCertificates(tls, mode);
  if (mode === "SIMPLE" || mode === "MUTUAL") {
    reportUnverified(tls, mode, place);
    checkName(tls, place);
    checkCredential(tls, place);
  }
  const text = (field: string): string => tls.at(field).text() ?? "";
  const named = place.workloadSelector ? text("credentialName") : "";
  return {
    // What is no mode has been refused; meanwhile nothing goes out in plaintext.
    mode: MODES[mode] ?? "istioMutual",
    sni: text("sni"),
    subjectAltNames: tls.at("subjectAltNames").texts(),
    clientCertificate: text("clientCertificate"),
    privateKey: text("privateKey"),
    caCertificates: text("caCertificates"),
    caCrl: text("caCrl"),
    credentialName: named,
    insecureSkipVerify: tls.at("insecureSkipVerify").flag() ?? false,
    origin: (tls.at("mode").present ? tls.at("mode") : tls).origin(),
  };
}

/** Whoever has a certificate of a public authority would do for a host that has no name. */
function checkName(tls: Spec, { host }: TlsPlace): void {
  const named = (tls.at("sni").text() ?? "") !== "" || tls.at("subjectAltNames").texts().length > 0;
  if (named || tls.at("insecureSkipVerify").flag() === true || !host.startsWith("*")) return;
  tls.report("error", "OUT0202", `The host ${host} has no one name that certificates can show`, {
    hint: "write sni or subjectAltNames",
  });
}

/** Istio: sidecars look at it where the rule selects them, gateways always. */
function checkCredential(tls: Spec, { workloadSelector }: TlsPlace): void {
  const credential = tls.at("credentialName");
  if ((credential.text() ?? "") === "") return;
  if (workloadSelector) return;
  credential.notExecuted(
    "sidecars take it from rules with a workloadSelector alone",
    "write workloadSelector, or the paths of files",
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
