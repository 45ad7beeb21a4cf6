import type { PeerCertificate } from "../../../identity/peer-certificate.ts";

/** A session that may be resumed. */
export interface Session {
  readonly bytes: Buffer;
  /** TLS 1.3: who is seen twice with one ticket can be recognised (RFC 8446 appendix C.4). */
  readonly once: boolean;
  /** Who it is with: the library does not keep that, and a resumed handshake does not show it. */
  readonly peer: PeerCertificate | undefined;
}

/** Sessions with the servers of one cluster, the latest first (Envoy: max_session_keys). */
export class SessionStore {
  readonly #max: number;
  readonly #sessions: Session[] = [];

  /** 0 keeps none. */
  constructor(max: number) {
    this.#max = max;
  }

  get enabled(): boolean {
    return this.#max > 0;
  }

  /** Only of a connection whose peer has been verified: who resumes it is not verified again. */
  put(session: Session): void {
    if (!this.enabled) return;
    if (this.#sessions.length >= this.#max) this.#sessions.pop();
    this.#sessions.unshift(session);
  }

  /** A session to offer; undefined without one. */
  take(): Session | undefined {
    const [session] = this.#sessions;
    if (session?.once === true) this.#sessions.shift();
    return session;
  }

  clear(): void {
    this.#sessions.length = 0;
  }
}
