/** So many of the last ones are kept. */
const KEPT_MAX = 32;
/** So many bytes of each are shown. */
const SHOWN_BYTES_MAX = 256;

/** Lines that may hold them, well-formed or not, with the lines that are folded into them. */
const CREDENTIALS = /^((?:proxy-)?authorization|cookie|x-api-key)\b.*(?:\r?\n[ \t].*)*/gim;

/** A request that was refused for its bytes. Plain data: workers send it to the main thread. */
export interface RefusedRequest {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** The connection manager's `stat_prefix`. */
  readonly listener: string;
  /** `10.0.0.7:41522`. */
  readonly peer: string;
  /** A word of codec/h1/violation.ts, and the rule that it stands for. */
  readonly reason: string;
  readonly rule: string;
  /** 0: the connection was closed without an answer. */
  readonly status: number;
  /** The first bytes, or those around what was wrong: visible ASCII, the rest escaped. */
  readonly bytes: string;
}

/** The requests that were refused last, for whoever asks why (HAProxy: `show errors`). */
export class RefusedRequests {
  readonly #kept: RefusedRequest[] = [];

  /** The oldest first. */
  get all(): readonly RefusedRequest[] {
    return this.#kept;
  }

  add(refused: Omit<RefusedRequest, "bytes">, bytes: Uint8Array): void {
    if (this.#kept.length === KEPT_MAX) this.#kept.shift();
    this.#kept.push({ ...refused, bytes: shown(bytes) });
  }
}

/** The last ones of several threads, the oldest first. */
export function lastRefused(lists: readonly (readonly RefusedRequest[])[]): RefusedRequest[] {
  return lists
    .flat()
    .toSorted((a, b) => a.atMs - b.atMs)
    .slice(-KEPT_MAX);
}

/** Credentials are nobody's business, and control characters no terminal's. */
function shown(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, SHOWN_BYTES_MAX)).toString("latin1");
  const discreet = text.replaceAll(CREDENTIALS, "$1: [redacted]");
  return discreet.replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, escapeOf);
}

function escapeOf(character: string): string {
  const named = { "\r": "\\r", "\n": "\\n", "\t": "\\t", "\\": "\\\\" }[character];
  return named ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
