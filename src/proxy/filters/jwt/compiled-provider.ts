import type { Clock } from "../../../base/clock.ts";
import type { JwtProvider } from "../../../model/filter/jwt-authn.ts";
import { compileStringMatch, type StringMatcher } from "../../route/string-matcher.ts";
import type { JwtStats } from "../../telemetry/envoy/filter/jwt-stats.ts";
import type { KeySource } from "./keys/key-source.ts";
import {
  AUDIENCE,
  EXPIRED,
  FETCH_FAILED,
  type JwtStatus,
  NOT_YET_VALID,
  OK,
  VERIFICATION_FAILS,
} from "./status.ts";
import type { Token } from "./token/token.ts";
import { TokenPlaces } from "./token/token-places.ts";
import { VerifiedTokens } from "./verified-tokens.ts";

/** Envoy: kClockSkewInSecond. */
const CLOCK_SKEW_S = 60;

/** A provider at work: what it asks of a token, and its keys. */
export class CompiledProvider {
  readonly config: JwtProvider;
  readonly places: TokenPlaces;
  readonly #clock: Clock;
  readonly #stats: JwtStats;
  readonly #keys: KeySource;
  readonly #audiences: ReadonlySet<string>;
  readonly #subjects: StringMatcher | undefined;
  readonly #verified: VerifiedTokens;

  /** Throws where a pattern is not RE2. */
  constructor(config: JwtProvider, keys: KeySource, clock: Clock, stats: JwtStats) {
    this.config = config;
    this.places = new TokenPlaces([config]);
    this.#clock = clock;
    this.#stats = stats;
    this.#keys = keys;
    this.#audiences = audienceSet(config.audiences);
    this.#subjects = config.subjects && compileStringMatch(config.subjects);
    this.#verified = new VerifiedTokens(config.jwtCacheSize);
  }

  /** A token that the keys of now are known to have signed; counted as Envoy counts. */
  known(text: string): Token | undefined {
    const token = this.#verified.find(text, this.#keys.current);
    const isHit = token !== undefined && this.config.jwtCacheSize !== undefined;
    this.#stats.count(isHit ? "jwt_cache_hit" : "jwt_cache_miss");
    return token;
  }

  /** All but the signature. `audiences`: a rule's own; empty: the provider's. */
  checkClaims(token: Token, audiences: ReadonlySet<string>): JwtStatus {
    const nowS = Math.floor(this.#clock.wall() / 1000);
    const skewS = this.config.clockSkewSeconds || CLOCK_SKEW_S;
    if (token.nbfS !== undefined && nowS + skewS < token.nbfS) return NOT_YET_VALID;
    if (token.expS !== undefined && nowS > token.expS + skewS) {
      this.#verified.forget(token.text);
      return EXPIRED;
    }
    const wanted = audiences.size > 0 ? audiences : this.#audiences;
    if (wanted.size > 0 && !token.audiences.some((one) => wanted.has(plainAudience(one)))) {
      return AUDIENCE;
    }
    if (this.#subjects?.matches(token.sub) === false) return VERIFICATION_FAILS;
    return this.#isLifetimeAllowed(token, nowS) ? OK : VERIFICATION_FAILS;
  }

  /** The signature: waits for keys where there are none yet, and for its turn to be verified. */
  *checkSignature(token: Token): Generator<Promise<unknown>, JwtStatus> {
    let keys = this.#keys.current;
    if (this.#verified.find(token.text, keys) !== undefined) return OK;
    if (keys === undefined) {
      yield this.#keys.fetched().then((fetched) => {
        keys = fetched;
      });
    }
    const used = keys;
    if (used === undefined) return FETCH_FAILED;
    let status = VERIFICATION_FAILS;
    yield used.verify(token).then((verdict) => {
      status = verdict;
    });
    if (status === OK) this.#verified.add(token, used);
    return status;
  }

  #isLifetimeAllowed({ expS }: Token, nowS: number): boolean {
    const { maxLifetimeMs, requireExpiration } = this.config;
    if (maxLifetimeMs === undefined) return !requireExpiration || expS !== undefined;
    return expS !== undefined && (expS - nowS) * 1000 < maxLifetimeMs;
  }
}

export function audienceSet(audiences: readonly string[]): ReadonlySet<string> {
  return new Set(audiences.map(plainAudience));
}

/** Envoy compares them without their scheme and without a slash at the end. */
function plainAudience(audience: string): string {
  const bare = audience.replace(/^https?:\/\//, "");
  return bare.endsWith("/") ? bare.slice(0, -1) : bare;
}
