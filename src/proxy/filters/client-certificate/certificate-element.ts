import type { X509Certificate } from "node:crypto";
import type { ClientCertDetails } from "../../../model/transport/client-certificate.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";

/**
 * One element of `x-forwarded-client-cert`: what this proxy knows of the client's certificate, in
 * Envoy's order (HTTP header manipulation, x-forwarded-client-cert).
 */
export function certificateElement({ own, peer }: TlsInfo, details: ClientCertDetails): string {
  if (peer === undefined) return "";
  const parts: string[] = [];
  for (const uri of own?.names.uri ?? []) parts.push(`By=${quoted(uri)}`);
  parts.push(`Hash=${peer.sha256}`);
  if (details.cert) parts.push(`Cert="${pemOf(peer.chain.slice(0, 1))}"`);
  if (details.chain) parts.push(`Chain="${pemOf(peer.chain)}"`);
  if (details.subject) parts.push(`Subject="${peer.subject}"`);
  if (details.uri) for (const uri of orEmpty(peer.names.uri)) parts.push(`URI=${quoted(uri)}`);
  if (details.dns) for (const name of peer.names.dns) parts.push(`DNS=${quoted(name)}`);
  return parts.join(";");
}

function orEmpty(names: readonly string[]): readonly string[] {
  return names.length === 0 ? [""] : names;
}

/** A name with what separates values in it could pass for several. */
function quoted(text: string): string {
  return /[",;=\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, "\\$&")}"` : text;
}

/** PEM, with a line end after each, percent-encoded. */
function pemOf(chain: readonly X509Certificate[]): string {
  return encodeURIComponent(chain.map(String).join(""));
}
