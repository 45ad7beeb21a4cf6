import { createHash } from "node:crypto";
import path from "node:path";
import { readPrivateFile, writePrivateFile } from "./private-files.ts";

/** A signing certificate that is, or was, the mesh's. */
export interface StoredGeneration {
  /** The beginning of its SHA-256, which names its key's file. */
  readonly id: string;
  /** Made here, or given by the user, whose key is never kept here. */
  readonly kind: "own" | "given";
  /** PEM. */
  readonly certificate: string;
  /** PEM, one certificate each. */
  readonly roots: readonly string[];
  /** Milliseconds since 1970: from when on it signs. Its roots are given out before that. */
  readonly signsFrom: number;
}

export interface StoredRevocation {
  /** Lower case hexadecimal. */
  readonly serial: string;
  /** The signing generation's. */
  readonly generation: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** When the certificate runs out by itself, so that nobody has to remember it any more. */
  readonly notAfter: number;
}

export interface AuthorityState {
  /** By `signsFrom`. */
  readonly generations: readonly StoredGeneration[];
  readonly revoked: readonly StoredRevocation[];
  /** Of the revocation list given out last (RFC 5280 section 5.2.3). */
  readonly listNumber: number;
}

const FORMAT = "outrigger certificate authority";
const VERSION = 1;
const FILE = "state.json";
const PREVIOUS = "state.previous.json";

/**
 * What the authority must not forget, in one file with a checksum. A file that is cut, changed or
 * of another version is refused, and left as it is: to guess would mean another root, or a revoked
 * certificate that holds again. The state before the last change lies beside.
 */
export class StateFile {
  readonly #file: string;
  readonly #previous: string;

  constructor(folder: string) {
    this.#file = path.join(folder, FILE);
    this.#previous = path.join(folder, PREVIOUS);
  }

  /** Undefined where there is none yet. Throws an Error for one that cannot be believed. */
  read(): AuthorityState | undefined {
    const text = readPrivateFile(this.#file);
    if (text !== undefined) return this.#parse(text);
    if (readPrivateFile(this.#previous) === undefined) return undefined;
    throw new Error(
      `${this.#file} is gone; ${this.#previous} has the state before the last change`,
    );
  }

  write(state: AuthorityState): void {
    const before = readPrivateFile(this.#file);
    if (before !== undefined) writePrivateFile(this.#previous, before);
    const body = JSON.stringify(state);
    const whole = { format: FORMAT, version: VERSION, sha256: digest(body), state };
    writePrivateFile(this.#file, `${JSON.stringify(whole, undefined, 2)}\n`);
  }

  #parse(text: string): AuthorityState {
    const found = this.#json(text);
    if (found.format !== FORMAT) this.#refuse("is no state of a certificate authority");
    if (found.version !== VERSION) {
      this.#refuse(`is of version ${JSON.stringify(found.version)}; this program reads ${VERSION}`);
    }
    if (found.sha256 !== digest(JSON.stringify(found.state))) {
      this.#refuse("does not match its checksum");
    }
    return found.state as AuthorityState;
  }

  #json(text: string): Partial<Record<string, unknown>> {
    try {
      const value: unknown = JSON.parse(text);
      return typeof value === "object" && value !== null ? { ...value } : {};
    } catch {
      return this.#refuse("is cut short or no JSON");
    }
  }

  #refuse(reason: string): never {
    throw new Error(
      `${this.#file} ${reason}; it is left as it is. The state before the last change may be in ` +
        `${this.#previous}`,
    );
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
