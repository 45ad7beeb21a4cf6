import type { X509Certificate } from "node:crypto";
import { readSubjectAltNames, type SubjectAltNames } from "../../identity/subject-alt-names.ts";
import type { DataSource, TlsContext } from "../../model/transport/tls.ts";
import { certificatesOf, type ReadSource } from "../tls/material.ts";

/** A certificate as `/certs` shows it (Envoy: admin.v3.CertificateDetails). */
export interface CertificateRow {
  /** Where it lies; `<inline>` for what was sent. */
  readonly path: string;
  /** Lower case hexadecimal. */
  readonly serial: string;
  readonly names: SubjectAltNames;
  /** Milliseconds since 1970. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What one TLS context believes and shows (Envoy: admin.v3.Certificate). */
export interface ContextCertificates {
  readonly ca: readonly CertificateRow[];
  /** Of each certificate that is shown, without the authorities that follow it. */
  readonly chain: readonly CertificateRow[];
}

const NO_NAMES: SubjectAltNames = { dns: [], uri: [], email: [], ip: [] };

/** Throws an Error that names a source that cannot be read. */
export function certificatesOfContext(
  { certificates, validation }: TlsContext,
  read: ReadSource,
): ContextCertificates {
  const { trustDomains, trustedCa } = validation ?? {};
  const bundles = trustDomains?.map(({ bundle }) => bundle) ?? (trustedCa ? [trustedCa] : []);
  return {
    ca: bundles.flatMap((source) => rowsOf(source, read)),
    chain: certificates.flatMap(({ certificateChain }) =>
      rowsOf(certificateChain, read).slice(0, 1),
    ),
  };
}

/** When the first of them ends, in milliseconds since 1970; undefined without any. */
export function firstEndMs(contexts: Iterable<ContextCertificates>): number | undefined {
  let first: number | undefined;
  for (const { ca, chain } of contexts) {
    for (const { untilMs } of [...ca, ...chain]) {
      if (first === undefined || untilMs < first) first = untilMs;
    }
  }
  return first;
}

function rowsOf(source: DataSource, read: ReadSource): CertificateRow[] {
  const path = source.kind === "file" ? source.path : "<inline>";
  return certificatesOf(read(source).toString()).map((certificate) => ({
    path,
    serial: certificate.serialNumber.toLowerCase(),
    names: namesOf(certificate),
    fromMs: Date.parse(certificate.validFrom),
    untilMs: Date.parse(certificate.validTo),
  }));
}

function namesOf({ raw }: X509Certificate): SubjectAltNames {
  try {
    return readSubjectAltNames(raw);
  } catch {
    return NO_NAMES;
  }
}
