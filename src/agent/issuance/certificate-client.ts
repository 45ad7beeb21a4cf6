import type { SecureClientSessionOptions } from "node:http2";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { Clock } from "../../base/clock.ts";
import { IstioCertificateService } from "../../gen/istio/v1/auth/ca_pb.js";
import { isServerFor } from "../../identity/server-name.ts";
import { readSubjectAltNames } from "../../identity/subject-alt-names.ts";
import { formatAddress, type SocketAddress } from "../../model/address.ts";

/** How the caller shows who it is. */
export type Credential =
  /** A join token, or a service account's. */
  | { readonly kind: "token"; readonly token: string }
  /** What it holds already: PEM, the leaf first. */
  | { readonly kind: "certificate"; readonly chain: string; readonly key: string };

export interface CertificateQuestion {
  /** PKCS #10, PEM. */
  readonly csr: string;
  /** Wanted; the authority may grant less. */
  readonly lifetimeMs: number;
  readonly credential: Credential;
  /** PEM: who may vouch for the authority's server. */
  readonly roots: string;
}

/** Asks for one: PEM, the leaf first, the roots last. Rejects with `Refused`, or another Error. */
export type AskCertificate = (question: CertificateQuestion) => Promise<readonly string[]>;

/** The authority does not believe this credential, and would not if it were asked again. */
export class Refused extends Error {}

/** A chain has a few kilobytes; a bundle of many roots some more. */
const ANSWER_BYTES_MAX = 1024 * 1024;
const PATIENCE_MS = 10_000;
const UNBELIEVED: readonly Code[] = [Code.Unauthenticated, Code.PermissionDenied];

export interface CertificateAuthority {
  readonly address: SocketAddress;
  /** What its server's certificate is for; undefined: the address's host. */
  readonly name: string | undefined;
}

/** As Istio's agents ask: `istio.v1.auth.IstioCertificateService/CreateCertificate` over TLS. */
export function askAuthority(authority: CertificateAuthority, clock: Clock): AskCertificate {
  const baseUrl = `https://${formatAddress(authority.address)}`;
  return async (question) => {
    // Of one question only: the next one is asked with another certificate, maybe of other roots.
    const sessionManager = new Http2SessionManager(baseUrl, {}, tlsTo(authority, question));
    const transport = createGrpcTransport({
      baseUrl,
      sessionManager,
      readMaxBytes: ANSWER_BYTES_MAX,
    });
    const { createCertificate } = createClient(IstioCertificateService, transport);
    const { csr, lifetimeMs, credential } = question;
    const late = new AbortController();
    const patience = clock.after(PATIENCE_MS, () => late.abort());
    try {
      const validityDuration = BigInt(Math.floor(lifetimeMs / 1000));
      const headers = headersOf(credential);
      const options = { headers, signal: late.signal };
      const { certChain } = await createCertificate({ csr, validityDuration }, options);
      return certChain;
    } catch (error) {
      if (late.signal.aborted) throw new Error(`no answer within ${PATIENCE_MS / 1000} s`);
      throw reasonOf(error);
    } finally {
      patience.cancel();
      sessionManager.abort();
    }
  };
}

function headersOf(credential: Credential): Record<string, string> {
  return credential.kind === "token" ? { authorization: `Bearer ${credential.token}` } : {};
}

/** Believes the authority's own server alone, by the roots and its name. */
export function tlsTo(
  { address, name = address.host }: CertificateAuthority,
  { credential, roots }: Pick<CertificateQuestion, "credential" | "roots">,
): SecureClientSessionOptions {
  return {
    ca: roots,
    minVersion: "TLSv1.2",
    ...(name === address.host ? {} : { servername: name }),
    ...(credential.kind === "certificate" ? { cert: credential.chain, key: credential.key } : {}),
    checkServerIdentity: (_host, { raw }) =>
      isServerFor(readSubjectAltNames(raw), name)
        ? undefined
        : new Error(`its certificate is not one for ${name}`),
  };
}

function reasonOf(error: unknown): Error {
  const { code, rawMessage, cause } = ConnectError.from(error);
  if (UNBELIEVED.includes(code)) return new Refused(rawMessage);
  // What went wrong below, of which "connection lost" would say nothing.
  const deep = cause instanceof Error ? cause.message : "";
  return new Error(deep === "" || rawMessage.includes(deep) ? rawMessage : deep);
}
