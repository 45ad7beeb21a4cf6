import type { PeerCertificate } from "../../identity/peer-certificate.ts";
import type { SubjectAltNames } from "../../identity/subject-alt-names.ts";
import type { TlsInfo } from "../tls/tls-info.ts";
import type { MakeOperator, Operator } from "./operators.ts";
import type { FormatSource } from "./source.ts";
import { compileTimeFormat } from "./time-format.ts";

type Ask = (source: FormatSource) => TlsInfo | undefined;
type AskCertificate = (source: FormatSource) => PeerCertificate | undefined;

const DOWNSTREAM: Ask = (source) => source.downstreamTls();
const UPSTREAM: Ask = (source) => source.upstreamTls();
const CLIENT: AskCertificate = (source) => DOWNSTREAM(source)?.peer;

/** What TLS has agreed upon, and who the other side is. */
export const TLS_OPERATORS: Readonly<Record<string, Operator>> = {
  ...sideOf("DOWNSTREAM", DOWNSTREAM),
  ...sideOf("UPSTREAM", UPSTREAM),
  DOWNSTREAM_PEER_FINGERPRINT_256: (source) => CLIENT(source)?.sha256,
  DOWNSTREAM_PEER_FINGERPRINT_1: (source) => digestOf(CLIENT(source), "fingerprint")[0],
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256: (source) =>
    listed(digestOf(CLIENT(source), "fingerprint256")),
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1: (source) => listed(digestOf(CLIENT(source), "fingerprint")),
  DOWNSTREAM_PEER_EMAIL_SAN: namesOf(CLIENT, "email"),
  DOWNSTREAM_LOCAL_EMAIL_SAN: namesOf((source) => DOWNSTREAM(source)?.own, "email"),
  DOWNSTREAM_LOCAL_SUBJECT: (source) => DOWNSTREAM(source)?.own?.subject,
  DOWNSTREAM_PEER_SERIAL: (source) => CLIENT(source)?.serial,
  DOWNSTREAM_PEER_CHAIN_SERIALS: (source) =>
    listed(CLIENT(source)?.chain.map(({ serialNumber }) => serialNumber.toLowerCase())),
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: (source) =>
    source.downstreamTransportFailureReason().replaceAll(" ", "_"),
};

/** Of a certificate's times: `%DOWNSTREAM_PEER_CERT_V_START(%F)%`. */
export const CERTIFICATE_TIMES: Readonly<Record<string, MakeOperator>> = {
  ...timesOf("DOWNSTREAM", DOWNSTREAM),
  ...timesOf("UPSTREAM", UPSTREAM),
};

function sideOf(side: string, ask: Ask): Readonly<Record<string, Operator>> {
  return {
    [`${side}_TLS_VERSION`]: (source) => ask(source)?.version,
    [`${side}_TLS_CIPHER`]: (source) => ask(source)?.cipher,
    [`${side}_PEER_SUBJECT`]: (source) => ask(source)?.peer?.subject,
    [`${side}_PEER_ISSUER`]: (source) => ask(source)?.peer?.issuer,
    [`${side}_PEER_CERT`]: (source) => pemOf(ask(source)?.peer),
    ...certificateOf(`${side}_PEER`, (source) => ask(source)?.peer),
    ...certificateOf(`${side}_LOCAL`, (source) => ask(source)?.own),
  };
}

function certificateOf(prefix: string, ask: AskCertificate): Readonly<Record<string, Operator>> {
  const names = (kind: keyof SubjectAltNames): Operator => namesOf(ask, kind);
  return {
    [`${prefix}_URI_SAN`]: names("uri"),
    [`${prefix}_DNS_SAN`]: names("dns"),
    [`${prefix}_IP_SAN`]: names("ip"),
  };
}

function namesOf(ask: AskCertificate, kind: keyof SubjectAltNames): Operator {
  return (source) => listed(ask(source)?.names[kind]);
}

function timesOf(side: string, ask: Ask): Readonly<Record<string, MakeOperator>> {
  const at =
    (which: "notBeforeMs" | "notAfterMs"): MakeOperator =>
    (format) => {
      const compiled = compileTimeFormat(format);
      if (typeof compiled === "string") return compiled;
      return (source) => {
        const ms = ask(source)?.peer?.[which];
        return ms === undefined ? undefined : compiled(new Date(ms));
      };
    };
  return {
    [`${side}_PEER_CERT_V_START`]: at("notBeforeMs"),
    [`${side}_PEER_CERT_V_END`]: at("notAfterMs"),
  };
}

function digestOf(
  certificate: PeerCertificate | undefined,
  digest: "fingerprint" | "fingerprint256",
): readonly string[] {
  const chain = certificate?.chain ?? [];
  return chain.map((one) => one[digest].replaceAll(":", "").toLowerCase());
}

function pemOf(certificate: PeerCertificate | undefined): string | undefined {
  const [shown] = certificate?.chain ?? [];
  return shown === undefined ? undefined : encodeURIComponent(String(shown));
}

function listed(names: readonly string[] | undefined): string | undefined {
  return names === undefined || names.length === 0 ? undefined : names.join(",");
}
