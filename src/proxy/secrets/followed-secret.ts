import type { Clock, Timer } from "../../base/clock.ts";
import { fetchTimeoutMsOf, type Secret, type SecretRef } from "../../model/transport/secret.ts";
import type { SdsStat, SdsStats } from "../telemetry/envoy/tls/sds-stats.ts";
import type { ReadSource } from "../tls/material.ts";
import type { SecretFeed, SecretTaker } from "./secret-feed.ts";
import { filesOfSecret, usableSecret } from "./usable-secret.ts";

export interface FollowedOptions {
  readonly ref: SecretRef;
  readonly clock: Clock;
  readonly stats: SdsStats;
  readonly read: ReadSource;
  /** There is another one to use now. */
  onUpdate(followed: FollowedSecret): void;
  onNotice(notice: string): void;
}

/** A secret that somebody uses: the last good one that came, whatever came since. */
export class FollowedSecret implements SecretTaker {
  readonly ref: SecretRef;
  readonly #options: FollowedOptions;
  /** Undefined: it is waited for, for ever. */
  readonly #firstFetch: Timer | undefined;
  /** As it came: its files are read again when they change. */
  #given: Secret | undefined;
  #inUse: Secret | undefined;
  #version = "";
  #updatedMs: number;
  #missed = false;
  #lastNotice = "";
  feed: SecretFeed | undefined;

  constructor(options: FollowedOptions) {
    const { clock, ref, stats } = options;
    this.ref = ref;
    this.#options = options;
    this.#updatedMs = clock.wall();
    if (this.#counts) stats.show(ref.name);
    const timeoutMs = fetchTimeoutMsOf(ref);
    this.#firstFetch = timeoutMs > 0 ? clock.after(timeoutMs, () => this.#miss()) : undefined;
  }

  /** With everything in place; undefined while none has come. */
  get inUse(): Secret | undefined {
    return this.#inUse;
  }

  get version(): string {
    return this.#version;
  }

  /** Milliseconds since 1970: when it came, or was asked for first. */
  get updatedMs(): number {
    return this.#updatedMs;
  }

  /** It has come, or is not waited for any more. */
  get settled(): boolean {
    return this.#inUse !== undefined || this.#missed;
  }

  get files(): readonly string[] {
    return this.#given === undefined ? [] : filesOfSecret(this.#given);
  }

  onAttempt(): void {
    this.#count("update_attempt");
  }

  onSecret(secret: Secret, version: string): string {
    const reason = this.#use(secret);
    if (reason !== "") {
      this.onRejected(reason);
      return reason;
    }
    const { clock, stats } = this.#options;
    this.#version = version;
    if (this.#counts) stats.updated(this.ref.name, version, clock.wall());
    this.#lastNotice = "";
    return "";
  }

  onRejected(reason: string): void {
    this.#count("update_rejected");
    this.#notice(`secret ${this.ref.name} is refused: ${reason}`);
  }

  onFailure(reason: string): void {
    this.#count("update_failure");
    this.#notice(`secret ${this.ref.name} is not there: ${reason}`);
  }

  /** The files that the secret names have changed. */
  onFilesChanged(): void {
    if (this.#given === undefined) return;
    const reason = this.#use(this.#given);
    if (reason === "") return;
    this.#count("key_rotation_failed");
    this.#notice(`the files of secret ${this.ref.name} cannot be used: ${reason}`);
  }

  stop(): void {
    this.#firstFetch?.cancel();
    this.feed?.stop();
  }

  /** Static ones are nobody's subscription. */
  get #counts(): boolean {
    return this.ref.source.kind !== "static";
  }

  /** Takes it whole, or says why it cannot. */
  #use(secret: Secret): string {
    const { clock, onUpdate, read } = this.#options;
    try {
      this.#inUse = usableSecret(secret, read);
    } catch (error) {
      return (error as Error).message;
    }
    this.#given = secret;
    this.#firstFetch?.cancel();
    this.#updatedMs = clock.wall();
    onUpdate(this);
    return "";
  }

  #miss(): void {
    this.#missed = true;
    this.#count("init_fetch_timeout");
  }

  #count(stat: SdsStat): void {
    if (this.#counts) this.#options.stats.count(this.ref.name, stat);
  }

  /** The same again and again is said once. */
  #notice(text: string): void {
    if (text === this.#lastNotice) return;
    this.#lastNotice = text;
    this.#options.onNotice(text);
  }
}
