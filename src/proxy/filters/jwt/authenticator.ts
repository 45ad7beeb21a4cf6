import type { CompiledProvider } from "./compiled-provider.ts";
import type { JwtRequest } from "./jwt-request.ts";
import { type JwtStatus, MISSING, OK, TOO_MANY_TOKENS, UNKNOWN_ISSUER } from "./status.ts";
import { readToken } from "./token/token.ts";
import { type FoundToken, isIssuerAllowed, type TokenPlaces } from "./token/token-places.ts";

/** More in one request is no honest one: each costs a signature. */
const TOKENS_MAX = 16;

/** Steps of looking at a request: it goes on where what is yielded has been kept. */
export type Steps = Generator<Promise<unknown>, JwtStatus>;

/** Who may have signed a token. */
export interface Issuers {
  /** By its issuer; else the provider that takes any. */
  byIssuer(issuer: string): CompiledProvider | undefined;
  /** Undefined where there are several. */
  readonly only: CompiledProvider | undefined;
}

/** What one requirement asks of the tokens of a request (Envoy: AuthenticatorImpl). */
export interface AuthenticatorOptions {
  readonly places: TokenPlaces;
  /** Undefined: whoever has issued it. */
  readonly provider: CompiledProvider | undefined;
  /** Of the requirement; empty: the provider's. */
  readonly audiences: ReadonlySet<string>;
  readonly allowMissing: boolean;
  readonly allowFailed: boolean;
  readonly issuers: Issuers;
  /** Headers that only these tokens may write. */
  readonly written: readonly string[];
}

export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Every token has to be good: what is behind the proxy might believe any of them. */
  *verify(request: JwtRequest): Steps {
    const { allowFailed, allowMissing, places, written } = this.#options;
    request.sanitize(written);
    const tokens = places.find(request.head);
    if (tokens.length === 0) {
      this.#fail(request, MISSING, undefined);
      return allowMissing || allowFailed ? OK : MISSING;
    }
    let status = tokens.length > TOKENS_MAX ? TOO_MANY_TOKENS : OK;
    while (tokens.length > 0 && (status === OK || allowFailed) && status !== TOO_MANY_TOKENS) {
      // Envoy begins with the last.
      status = yield* this.#verifyOne(tokens.pop() as FoundToken, request);
    }
    return allowFailed ? OK : status;
  }

  *#verifyOne(found: FoundToken, request: JwtRequest): Steps {
    const { audiences, issuers } = this.#options;
    let { provider } = this.#options;
    const known = provider?.known(found.text);
    const token = known ?? readToken(found.text);
    if ("code" in token) return this.#fail(request, token, provider);
    if (!isIssuerAllowed(found.place, token.iss)) {
      return this.#fail(request, UNKNOWN_ISSUER, provider);
    }
    provider ??= issuers.byIssuer(token.iss);
    if (provider === undefined) return this.#fail(request, UNKNOWN_ISSUER, provider);
    let status = provider.checkClaims(token, audiences);
    if (status === OK && known === undefined) status = yield* provider.checkSignature(token);
    if (status !== OK) return this.#fail(request, status, provider);
    request.accept(found, token, provider);
    return OK;
  }

  /** Tells the filters behind, where the provider wants it. */
  #fail(request: JwtRequest, status: JwtStatus, provider: CompiledProvider | undefined): JwtStatus {
    const told = provider ?? this.#options.issuers.only;
    request.noteFailure(status, told?.config.failedStatusInMetadata ?? "");
    return status;
  }
}
