import type { Secret } from "../../model/transport/secret.ts";

/** Who wants to have one secret. */
export interface SecretTaker {
  /** Asks, or looks, for the secret. */
  onAttempt(): void;
  /** Returns why it is refused; empty where it is used now. */
  onSecret(secret: Secret, version: string): string;
  /** Something came that is no such secret. */
  onRejected(reason: string): void;
  /** Nobody answers, or what should be read cannot be read. */
  onFailure(reason: string): void;
}

/** Where one secret comes from. */
export interface SecretFeed {
  /** It may tell its taker at once. */
  start(): void;
  /** Looks again where it looks by itself: files. */
  reload(): void;
  stop(): void;
}
