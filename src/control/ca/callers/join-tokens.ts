import { createHash, timingSafeEqual } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import type { Clock } from "../../../base/clock.ts";
import { errorCode } from "../../../base/file-fault.ts";
import { isWorkloadIdentity, type WorkloadIdentity } from "../../../identity/workload-identity.ts";
import type { RandomBytes } from "../signing/signing-authority.ts";
import { ensurePrivateFolder, readPrivateFile, writePrivateFile } from "../state/private-files.ts";
import type { Authenticator, Caller, Credentials, Refusal, Verdict } from "./authenticator.ts";

/** `outrigger-join.ID.SECRET`: the first part finds what is kept, the second one proves. */
const TOKEN = /^outrigger-join\.([0-9a-f]{16})\.([A-Za-z0-9_-]{43})$/;
const PREFIX = "outrigger-join.";
const ID_BYTES = 8;
const SECRET_BYTES = 32;
const FOLDER = "tokens";
const VERSION = 1;
const KEPT_MS = 3_600_000;
const SHA256_HEX = /^[0-9a-f]{64}$/;

/** What is kept of a token: never the secret. */
interface KeptToken {
  readonly version: number;
  readonly identity: WorkloadIdentity;
  /** SHA-256 of the secret, hexadecimal. */
  readonly sha256: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/**
 * Makes a token for one certificate of one identity, and leaves its hash in the authority's folder,
 * where the control plane finds it: it may run already, or start later. Returns the token.
 */
export function leaveJoinToken(
  caFolder: string,
  token: { readonly identity: WorkloadIdentity; readonly expiresAt: number },
  randomBytes: RandomBytes,
): string {
  if (!isWorkloadIdentity(token.identity)) throw new RangeError("not a namespace and account");
  const folder = path.join(caFolder, FOLDER);
  ensurePrivateFolder(folder);
  const id = randomBytes(ID_BYTES).toString("hex");
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  const kept: KeptToken = { version: VERSION, ...token, sha256: hashOf(secret).toString("hex") };
  writePrivateFile(path.join(folder, `${id}.json`), `${JSON.stringify(kept)}\n`);
  return `${PREFIX}${id}.${secret}`;
}

/** Tokens whose hashes lie in the authority's folder; each holds once. */
export class JoinTokens implements Authenticator {
  readonly #folder: string;
  readonly #clock: Clock;

  constructor(caFolder: string, clock: Clock) {
    this.#folder = path.join(caFolder, FOLDER);
    this.#clock = clock;
    ensurePrivateFolder(this.#folder);
  }

  async authenticate({ bearer }: Credentials): Promise<Verdict> {
    if (bearer === undefined || !bearer.startsWith(PREFIX)) return { kind: "silent" };
    const [, id = "", secret = ""] = TOKEN.exec(bearer) ?? [];
    const kept = id === "" ? undefined : this.#read(id);
    // The identifier is no secret; what proves is compared in constant time.
    if (kept === undefined || !timingSafeEqual(hashOf(secret), Buffer.from(kept.sha256, "hex"))) {
      return refused(UNKNOWN);
    }
    if (kept.expiresAt <= this.#clock.wall()) {
      this.#remove(id);
      return refused(EXPIRED);
    }
    return { kind: "caller", caller: this.#callerOf(id, kept) };
  }

  /** Removes what has run out an hour ago: until then whoever comes late is told so. */
  sweep(): void {
    const now = this.#clock.wall() - KEPT_MS;
    for (const name of readdirSync(this.#folder)) {
      const id = /^([0-9a-f]{16})\.json$/.exec(name)?.[1];
      const kept = id === undefined ? undefined : this.#read(id);
      if (id !== undefined && kept !== undefined && kept.expiresAt <= now) this.#remove(id);
    }
  }

  #callerOf(id: string, { identity }: KeptToken): Caller {
    return { identity, method: "join-token", claim: async () => this.#remove(id) };
  }

  /** Undefined for what is not there, is cut short, or was not written by us. */
  #read(id: string): KeptToken | undefined {
    try {
      const text = readPrivateFile(path.join(this.#folder, `${id}.json`));
      return text === undefined ? undefined : keptToken(JSON.parse(text));
    } catch {
      return undefined;
    }
  }

  /** False where it was gone already: of two who come at once, one finds it. */
  #remove(id: string): boolean {
    try {
      rmSync(path.join(this.#folder, `${id}.json`));
      return true;
    } catch (error) {
      if (errorCode(error) === "ENOENT") return false;
      throw error;
    }
  }
}

const UNKNOWN: Refusal = {
  reason: "bad_token",
  message: "the join token is not known here: it may have been used already",
};
const EXPIRED: Refusal = { reason: "expired_token", message: "the join token has run out" };

function refused(refusal: Refusal): Verdict {
  return { kind: "refused", refusal };
}

function keptToken(value: unknown): KeptToken | undefined {
  const { version, identity, sha256, expiresAt } = value as Partial<KeptToken>;
  if (version !== VERSION || typeof sha256 !== "string" || !SHA256_HEX.test(sha256)) {
    return undefined;
  }
  if (typeof expiresAt !== "number") return undefined;
  if (identity === undefined || !isWorkloadIdentity(identity)) return undefined;
  return { version, identity, sha256, expiresAt };
}

function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
