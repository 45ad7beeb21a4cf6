import type { TlsInfo } from "../tls/tls-info.ts";
import type { Operator } from "./operators.ts";
import type { FormatSource } from "./source.ts";

type Ask = (source: FormatSource) => TlsInfo | undefined;

const DOWNSTREAM: Ask = (source) => source.downstreamTls();
const UPSTREAM: Ask = (source) => source.upstreamTls();

/** What TLS has agreed upon, and who the other side is. */
export const TLS_OPERATORS: Readonly<Record<string, Operator>> = {
  ...sideOf("DOWNSTREAM", DOWNSTREAM),
  ...sideOf("UPSTREAM", UPSTREAM),
  DOWNSTREAM_PEER_FINGERPRINT_256: (source) => DOWNSTREAM(source)?.peer?.sha256,
  DOWNSTREAM_PEER_EMAIL_SAN: (source) => listed(DOWNSTREAM(source)?.peer?.names.email),
};

function sideOf(side: string, ask: Ask): Readonly<Record<string, Operator>> {
  return {
    [`${side}_TLS_VERSION`]: (source) => ask(source)?.version,
    [`${side}_TLS_CIPHER`]: (source) => ask(source)?.cipher,
    [`${side}_PEER_SUBJECT`]: (source) => ask(source)?.peer?.subject,
    [`${side}_PEER_URI_SAN`]: (source) => listed(ask(source)?.peer?.names.uri),
    [`${side}_PEER_DNS_SAN`]: (source) => listed(ask(source)?.peer?.names.dns),
    [`${side}_PEER_IP_SAN`]: (source) => listed(ask(source)?.peer?.names.ip),
  };
}

function listed(names: readonly string[] | undefined): string | undefined {
  return names === undefined || names.length === 0 ? undefined : names.join(",");
}
