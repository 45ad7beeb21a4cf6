/** Asks a control plane's authority for certificates, as an agent does. */
import { generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { type Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { IstioCertificateService } from "../../src/gen/istio/v1/auth/ca_pb.js";
import { makeCertificateRequest } from "../../src/identity/issuing/certificate-request.ts";
import { formatAddress, type SocketAddress } from "../../src/model/address.ts";

export interface Question {
  readonly address: SocketAddress;
  /** PEM. */
  readonly roots: string;
  /** Default: one for a key of this question's own. */
  readonly csr?: string;
  readonly token?: string;
  readonly certificate?: { readonly chain: string; readonly key: string };
  readonly validitySeconds?: number;
}

export interface Answer {
  /** PEM, as the authority sent it: leaf, intermediates, roots. */
  readonly chain: readonly string[];
  readonly leaf: X509Certificate;
  /** PEM, of the question's own key; empty where a request was given. */
  readonly key: string;
}

/** Rejects with a ConnectError where the authority refuses. */
export async function askForCertificate(question: Question): Promise<Answer> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { csr = makeCertificateRequest(privateKey), certificate, token } = question;
  const baseUrl = `https://${formatAddress(question.address)}`;
  const shown = certificate === undefined ? {} : { cert: certificate.chain, key: certificate.key };
  const sessionManager = new Http2SessionManager(baseUrl, {}, { ca: question.roots, ...shown });
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  const headers: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  try {
    const { certChain } = await createClient(IstioCertificateService, transport).createCertificate(
      { csr, validityDuration: BigInt(question.validitySeconds ?? 0) },
      { headers },
    );
    const key = question.csr === undefined ? pemOf(privateKey) : "";
    return { chain: certChain, leaf: new X509Certificate(certChain[0] ?? ""), key };
  } finally {
    sessionManager.abort();
  }
}

/** So many questions on one connection; the status of each, by number. Nobody waits for another. */
export async function flood(question: Question, count: number): Promise<(Code | undefined)[]> {
  const baseUrl = `https://${formatAddress(question.address)}`;
  const sessionManager = new Http2SessionManager(baseUrl, {}, { ca: question.roots });
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  const { createCertificate } = createClient(IstioCertificateService, transport);
  const headers = { authorization: `Bearer ${question.token}` };
  const ask = (): Promise<Code | undefined> =>
    createCertificate({ csr: question.csr ?? "" }, { headers }).then(
      () => undefined,
      (error: unknown) => ConnectError.from(error).code,
    );
  const codes = await Promise.all(Array.from({ length: count }, ask));
  sessionManager.abort();
  return codes;
}

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
