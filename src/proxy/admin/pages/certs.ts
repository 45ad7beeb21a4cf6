import type { CertificateRow, ContextCertificates } from "../../secrets/context-certificates.ts";
import { type Answer, json } from "../answer.ts";

const DAY_MS = 86_400_000;

/** `/certs`: what each TLS context shows and believes, no keys (Envoy: admin.v3.Certificates). */
export function certsPage(contexts: readonly ContextCertificates[], wallMs: number): Answer {
  const list = (rows: readonly CertificateRow[]) => rows.map((row) => details(row, wallMs));
  return json({
    certificates: contexts.map(({ ca, chain }) => ({ ca_cert: list(ca), cert_chain: list(chain) })),
  });
}

function details({ fromMs, names, path, serial, untilMs }: CertificateRow, wallMs: number): object {
  const { dns, email, ip, uri } = names;
  return {
    path,
    serial_number: serial,
    subject_alt_names: [
      ...dns.map((name) => ({ dns: name })),
      ...uri.map((name) => ({ uri: name })),
      ...ip.map((name) => ({ ip_address: name })),
      ...email.map((name) => ({ email: name })),
    ],
    days_until_expiration: String(Math.max(0, Math.floor((untilMs - wallMs) / DAY_MS))),
    valid_from: second(fromMs),
    expiration_time: second(untilMs),
  };
}

/** As protobuf's JSON has times without fractions. */
function second(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
