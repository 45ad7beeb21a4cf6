import { hash } from "node:crypto";
import type { KeySet } from "./keys/key-set.ts";
import type { Token } from "./token/token.ts";

/** As many as are remembered where the configuration says nothing. */
const ENTRIES_USUALLY = 512;
/** Where it asks for a cache without a size (Envoy's default). */
const ENTRIES_BY_DEFAULT = 100;
/** Longer ones are verified each time (Envoy: kMaxJwtSizeForCache). */
const CACHED_CHARS_MAX = 4096;

interface Verified {
  readonly token: Token;
  readonly keys: KeySet;
}

/**
 * Tokens whose signatures were good, by a hash of their text, the longest unused one forgotten
 * first. They count only for the keys that verified them: new keys ask again.
 */
export class VerifiedTokens {
  readonly #entries = new Map<string, Verified>();
  readonly #entriesMax: number;

  /** `size`: the configuration's; undefined: it asks for no cache. */
  constructor(size: number | undefined) {
    this.#entriesMax = size === undefined ? ENTRIES_USUALLY : size || ENTRIES_BY_DEFAULT;
  }

  /** `keys`: those that are used now. */
  find(text: string, keys: KeySet | undefined): Token | undefined {
    if (text.length > CACHED_CHARS_MAX) return undefined;
    const key = keyOf(text);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.keys !== keys) return undefined;
    this.#entries.set(key, entry);
    return entry.token;
  }

  add(token: Token, keys: KeySet): void {
    if (token.text.length > CACHED_CHARS_MAX) return;
    const key = keyOf(token.text);
    this.#entries.delete(key);
    this.#entries.set(key, { token, keys });
    if (this.#entries.size <= this.#entriesMax) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  /** Its time is over. */
  forget(text: string): void {
    this.#entries.delete(keyOf(text));
  }
}

function keyOf(text: string): string {
  return hash("sha256", text, "base64");
}
