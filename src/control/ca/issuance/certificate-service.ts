import type { KeyObject } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import type { Clock } from "../../../base/clock.ts";
import {
  type IstioCertificateRequest,
  type IstioCertificateResponse,
  IstioCertificateResponseSchema,
  IstioCertificateService,
} from "../../../gen/istio/v1/auth/ca_pb.js";
import { readCertificateRequest } from "../../../identity/issuing/certificate-request.ts";
import { formatWorkloadIdentity, spiffeIdFor } from "../../../identity/workload-identity.ts";
import {
  type Authenticator,
  authenticate,
  type Caller,
  type Credentials,
  type Refusal,
  type RefusalReason,
} from "../callers/authenticator.ts";
import { CONNECTION } from "../callers/verified-peer.ts";
import type { CertificateAuthority } from "../certificate-authority.ts";
import type { IssuedCertificate } from "../signing/signing-authority.ts";
import type { AuditLog } from "./audit-log.ts";
import { KeyedBuckets, type Rate, TokenBucket } from "./token-bucket.ts";

export interface CertificateServiceOptions {
  readonly authority: CertificateAuthority;
  readonly trustDomain: () => string;
  /** In the order in which they are asked. */
  readonly authenticators: readonly Authenticator[];
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly observer: IssuanceObserver;
  readonly limits?: Partial<IssuanceLimits>;
}

/** Who counts. */
export interface IssuanceObserver {
  issued(method: Caller["method"]): void;
  refused(reason: RefusalReason): void;
}

export interface IssuanceLimits {
  /** Requests, whoever they are of. */
  readonly total: Rate;
  /** Certificates of one identity, which may have many pods. */
  readonly perIdentity: Rate;
}

const LIMITS: IssuanceLimits = {
  total: { burst: 1000, perSecond: 200 },
  perIdentity: { burst: 200, perSecond: 20 },
};

const SECOND_MS = 1000;
const BEARER = /^Bearer ([!-~]{1,16384})$/;

const CODES: Readonly<Record<RefusalReason, Code>> = {
  no_credentials: Code.Unauthenticated,
  bad_token: Code.Unauthenticated,
  expired_token: Code.Unauthenticated,
  bad_certificate: Code.Unauthenticated,
  revoked: Code.PermissionDenied,
  not_allowed: Code.PermissionDenied,
  bad_request: Code.InvalidArgument,
  rate_limited: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
};

/** Whoever asked for a certificate, and does not get one. */
class Refused extends Error {
  readonly refusal: Refusal;
  readonly identity: string | undefined;

  constructor(refusal: Refusal, identity?: string) {
    super(refusal.message);
    this.refusal = refusal;
    this.identity = identity;
  }
}

/**
 * Istio's `CreateCertificate`. The request proves which key is the caller's, and nothing else: who
 * the caller is, the authenticators say.
 */
export class CertificateService {
  readonly #options: CertificateServiceOptions;
  readonly #total: TokenBucket;
  readonly #perIdentity: KeyedBuckets;

  constructor(options: CertificateServiceOptions) {
    this.#options = options;
    const limits = { ...LIMITS, ...options.limits };
    this.#total = new TokenBucket(limits.total, options.clock);
    this.#perIdentity = new KeyedBuckets(limits.perIdentity, options.clock);
  }

  register(router: ConnectRouter): void {
    router.service(IstioCertificateService, {
      createCertificate: (request, context) => this.#answer(request, context),
    });
  }

  async #answer(
    request: IstioCertificateRequest,
    context: HandlerContext,
  ): Promise<IstioCertificateResponse> {
    const peer = context.values.get(CONNECTION)?.address ?? "";
    try {
      const { certificate, caller } = await this.#serve(request, credentialsOf(context));
      this.#tellIssued(caller, certificate, peer);
      const { leaf, intermediates, roots } = certificate;
      // The root comes last, as one text: during a rotation there are several.
      const certChain = [leaf, ...intermediates, roots.join("")];
      return create(IstioCertificateResponseSchema, { certChain });
    } catch (error) {
      throw this.#tellRefused(error, peer);
    }
  }

  async #serve(
    request: IstioCertificateRequest,
    credentials: Credentials,
  ): Promise<{ readonly certificate: IssuedCertificate; readonly caller: Caller }> {
    const { authority, authenticators, trustDomain } = this.#options;
    if (!this.#total.take()) throw new Refused(TOO_MANY);
    const caller = await authenticate(authenticators, credentials);
    if ("reason" in caller) throw new Refused(caller);
    const domain = trustDomain();
    const id = spiffeIdFor(domain, caller.identity);
    if (!this.#perIdentity.take(formatWorkloadIdentity(caller.identity))) {
      throw new Refused(TOO_MANY, id);
    }
    const publicKey = keyOf(request.csr, id);
    if (!(await caller.claim())) throw new Refused(USED, id);
    try {
      const validityMs = Number(request.validityDuration) * SECOND_MS;
      const leaf = { publicKey, validityMs };
      return { certificate: await authority.issueWorkload(domain, caller.identity, leaf), caller };
    } catch (error) {
      throw new Refused({ reason: "unavailable", message: (error as Error).message }, id);
    }
  }

  #tellIssued(caller: Caller, certificate: IssuedCertificate, peer: string): void {
    const { trustDomain, audit, observer } = this.#options;
    observer.issued(caller.method);
    audit.write({
      event: "certificate_issued",
      identity: spiffeIdFor(trustDomain(), caller.identity),
      method: caller.method,
      serial: certificate.serial,
      notAfter: new Date(certificate.notAfter).toISOString(),
      peer,
    });
  }

  #tellRefused(error: unknown, peer: string): ConnectError {
    if (!(error instanceof Refused)) return new ConnectError("internal error", Code.Internal);
    const { reason, message } = error.refusal;
    const identity = error.identity === undefined ? {} : { identity: error.identity };
    this.#options.observer.refused(reason);
    this.#options.audit.write({ event: "certificate_refused", reason, message, peer, ...identity });
    return new ConnectError(message, CODES[reason]);
  }
}

const TOO_MANY: Refusal = {
  reason: "rate_limited",
  message: "too many certificates were asked for; try again later",
};
const USED: Refusal = { reason: "bad_token", message: "the join token has been used already" };

function credentialsOf(context: HandlerContext): Credentials {
  const header = context.requestHeader.get("authorization");
  const peer = context.values.get(CONNECTION)?.peer;
  // What is no bearer token is shown to the authenticators as one that nobody knows.
  return { bearer: header === null ? undefined : (BEARER.exec(header)?.[1] ?? ""), peer };
}

function keyOf(csr: string, identity: string): KeyObject {
  try {
    return readCertificateRequest(csr);
  } catch (error) {
    const message = error instanceof RangeError ? error.message : "the request cannot be read";
    throw new Refused({ reason: "bad_request", message }, identity);
  }
}
