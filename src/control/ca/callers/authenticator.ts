import type { WorkloadIdentity } from "../../../identity/workload-identity.ts";
import type { VerifiedPeer } from "./verified-peer.ts";

/** What somebody shows who asks for a certificate. */
export interface Credentials {
  /** Of `authorization: Bearer …`; undefined without one. */
  readonly bearer: string | undefined;
  /** Of the client certificate, which was verified already; undefined without one. */
  readonly peer: VerifiedPeer | undefined;
}

/** Who asks, and how that was proved. */
export interface Caller {
  readonly identity: WorkloadIdentity;
  readonly method: "join-token" | "service-account" | "certificate";
  /** Uses up what may be used once; false where somebody else was faster. */
  claim(): Promise<boolean>;
}

/** Why a caller is refused: a word for metrics, and a sentence. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly message: string;
}

/** One label of a metric each. */
export type RefusalReason =
  | "no_credentials"
  | "bad_token"
  | "expired_token"
  | "bad_certificate"
  | "revoked"
  | "not_allowed"
  | "bad_request"
  | "rate_limited"
  | "unavailable";

export type Verdict =
  | { readonly kind: "caller"; readonly caller: Caller }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** Nothing was shown that this one knows of. */
  | { readonly kind: "silent" };

export interface Authenticator {
  /** Never rejects. */
  authenticate(credentials: Credentials): Promise<Verdict>;
}

/**
 * Asks one after the other: the first who knows the caller decides (as istiod does); where nobody
 * does, the first who refused has the word.
 */
export async function authenticate(
  authenticators: readonly Authenticator[],
  credentials: Credentials,
): Promise<Caller | Refusal> {
  let refusal: Refusal | undefined;
  for (const each of authenticators) {
    const verdict = await each.authenticate(credentials);
    if (verdict.kind === "caller") return verdict.caller;
    if (verdict.kind === "refused") refusal ??= verdict.refusal;
  }
  return refusal ?? nothingShown(credentials);
}

function nothingShown({ bearer }: Credentials): Refusal {
  if (bearer !== undefined) return { reason: "bad_token", message: "nobody here knows this token" };
  return {
    reason: "no_credentials",
    message: "a join token, a service-account token or a certificate of this mesh is needed",
  };
}
