import type { Timer } from "../../../../base/clock.ts";
import type { RemoteJwks } from "../../../../model/filter/jwt-authn.ts";
import type { JwtStats } from "../../../telemetry/envoy/filter/jwt-stats.ts";
import { type FetchScope, JwksFetch } from "./jwks-fetch.ts";
import { KeySet } from "./key-set.ts";
import type { KeySource } from "./key-source.ts";

/** So long before keys grow old they are fetched again (Envoy: RefetchBeforeExpiredSec). */
const AHEAD_MS = 5000;
/** After a failed fetch on demand, so long nobody waits for another. */
const FAILED_PAUSE_MS = 1000;

/**
 * ```
 *   none --fetch--> fresh --cache_duration--> old --fetch--> fresh
 *    ^  \                                      |  \
 *    +- failed: tokens are refused             +- failed: the last good ones are used
 * ```
 * Keys that are fetched over a cluster of this proxy (Envoy: RemoteJwks). One fetch at a time,
 * whoever waits. Keys that are used are fetched anew before they grow old, so that nobody waits.
 */
export class RemoteKeys implements KeySource {
  readonly #jwks: RemoteJwks;
  readonly #scope: FetchScope;
  readonly #stats: JwtStats;
  #keys: KeySet | undefined;
  #freshUntilMs = Number.NEGATIVE_INFINITY;
  /** Until then the last fetch's failure counts. */
  #failedUntilMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<KeySet | undefined> | undefined;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(jwks: RemoteJwks, scope: FetchScope, stats: JwtStats) {
    this.#jwks = jwks;
    this.#scope = scope;
    this.#stats = stats;
  }

  get current(): KeySet | undefined {
    const nowMs = this.#scope.clock.now();
    if (this.#keys === undefined) return undefined;
    if (nowMs < this.#freshUntilMs) {
      if (nowMs >= this.#freshUntilMs - this.#aheadMs && nowMs >= this.#failedUntilMs) {
        void this.#fetch();
      }
      return this.#keys;
    }
    return nowMs < this.#failedUntilMs ? this.#keys : undefined;
  }

  fetched(): Promise<KeySet | undefined> {
    if (this.#scope.clock.now() < this.#failedUntilMs) return Promise.resolve(this.#keys);
    return this.#fetch();
  }

  start(): void {
    this.#stopped = false;
    if (this.#jwks.asyncFetch !== undefined && this.#keys === undefined) void this.#fetch();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  get #aheadMs(): number {
    return this.#jwks.cacheDurationMs > AHEAD_MS ? AHEAD_MS : 0;
  }

  #fetch(): Promise<KeySet | undefined> {
    if (this.#fetching !== undefined) return this.#fetching;
    const { promise, resolve } = Promise.withResolvers<KeySet | undefined>();
    this.#fetching = promise;
    // It may have failed before `start` returns.
    new JwksFetch(this.#jwks, this.#scope, (text) => {
      this.#fetching = undefined;
      this.#take(text);
      resolve(this.#keys);
    }).start();
    return promise;
  }

  #take(text: string | undefined): void {
    const nowMs = this.#scope.clock.now();
    const { asyncFetch, cacheDurationMs } = this.#jwks;
    const keys = this.#read(text);
    if (keys === undefined) {
      const pauseMs = asyncFetch?.failedRefetchMs ?? FAILED_PAUSE_MS;
      this.#stats.count("jwks_fetch_failed");
      this.#failedUntilMs = nowMs + pauseMs;
      this.#fetchAgainIn(pauseMs);
      return;
    }
    this.#stats.count("jwks_fetch_success");
    this.#keys = keys;
    this.#freshUntilMs = nowMs + cacheDurationMs;
    this.#failedUntilMs = Number.NEGATIVE_INFINITY;
    this.#fetchAgainIn(cacheDurationMs - this.#aheadMs);
  }

  /** What has not changed stays the same object: tokens that it has verified stay known. */
  #read(text: string | undefined): KeySet | undefined {
    if (text === undefined) return undefined;
    return text === this.#keys?.text ? this.#keys : KeySet.read(text);
  }

  #fetchAgainIn(delayMs: number): void {
    if (this.#jwks.asyncFetch === undefined || this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = this.#scope.clock.after(delayMs, () => void this.#fetch());
  }
}
