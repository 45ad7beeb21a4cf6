import { createHash, timingSafeEqual } from "node:crypto";

/** Shorter ones could be guessed. */
const TOKEN_CHARS_MIN = 16;
const TOKEN = /^[\x21-\x7e]+$/;
const BEARER = /^Bearer +([\x21-\x7e]+)$/i;

/** The token of a text, without the blanks around it. Throws an Error, which says nothing of it. */
export function parseToken(text: string): string {
  const token = text.trim();
  if (token.length >= TOKEN_CHARS_MIN && TOKEN.test(token)) return token;
  throw new Error(
    `a token has at least ${TOKEN_CHARS_MIN} printable characters and no blanks between them`,
  );
}

/** What lets somebody in who is not on this machine. Only its hash is kept. */
export class AccessToken {
  readonly #digest: Buffer;

  /** Throws an Error where the text is no token: too short, or more than one line. */
  constructor(text: string) {
    this.#digest = digestOf(parseToken(text));
  }

  /** Whether an `Authorization` header carries it; takes the same time whatever it carries. */
  isIn(authorization: string | undefined): boolean {
    const given = BEARER.exec(authorization ?? "")?.[1] ?? "";
    return timingSafeEqual(digestOf(given), this.#digest);
  }
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** Whether the other end of a connection is this machine; undefined: a Unix socket's. */
export function isLocalPeer(remote: string | undefined, local: string | undefined): boolean {
  if (remote === undefined) return true;
  const address = remote.replace(/^::ffff:/, "");
  return address.startsWith("127.") || address === "::1" || remote === local;
}
