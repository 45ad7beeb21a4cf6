import type { JwksSource } from "../../../../model/filter/jwt-authn.ts";
import { readJwksFile } from "./jwks-file.ts";
import { KeySet } from "./key-set.ts";

/** Where a provider's keys come from, and what they are now. */
export interface KeySource {
  /** Keys that may be used now; undefined: ask for `fetched`. */
  readonly current: KeySet | undefined;
  /**
   * Keys as soon as they have come; undefined where they cannot be had. No fetch has more than one
   * request under way, whoever waits for it.
   */
  fetched(): Promise<KeySet | undefined>;
  /** The configuration that wants them is in use. */
  start(): void;
  /** None does any more. */
  stop(): void;
}

/** Keys that stand in the configuration, or in a file when that is read (Envoy: local_jwks). */
export class LocalKeys implements KeySource {
  readonly current: KeySet;

  /** Throws an Error where the file cannot be read, or there is no key to verify with. */
  constructor(source: Exclude<JwksSource, { readonly kind: "remote" }>) {
    const keys = KeySet.read(source.kind === "file" ? readJwksFile(source.path) : source.text);
    if (keys === undefined) throw new Error("local_jwks has no public key to verify tokens with");
    this.current = keys;
  }

  fetched(): Promise<KeySet> {
    return Promise.resolve(this.current);
  }

  start(): void {
    // Nothing is fetched.
  }

  stop(): void {
    // Likewise.
  }
}
