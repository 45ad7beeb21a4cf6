import { isIP } from "node:net";
import type { SecureContext } from "node:tls";
import { protocolList } from "../../codec/tls/protocol-list.ts";
import type { UpstreamTls } from "../../model/transport/tls.ts";
import { SessionStore } from "./session/session-store.ts";
import { Verifier } from "./verifier.ts";

/** How connections to a cluster's endpoints are secured (Envoy: ClientContextImpl). */
export class ClientContext {
  readonly config: UpstreamTls;
  readonly verifier: Verifier;
  readonly sessions: SessionStore;
  /** The name to ask for; undefined for none. Addresses are not names (RFC 6066 section 3). */
  readonly serverName: string | undefined;
  readonly #offers = new Map<string, Buffer>();
  readonly #listeners = new Set<() => void>();
  #secure: SecureContext;
  #generation = 1;

  /** Throws where a name's regex is not RE2. */
  constructor(config: UpstreamTls, secure: SecureContext) {
    this.config = config;
    this.#secure = secure;
    this.verifier = new Verifier(config.validation);
    this.sessions = new SessionStore(config.maxSessionKeys);
    this.serverName = config.sni === "" || isIP(config.sni) !== 0 ? undefined : config.sni;
  }

  get secure(): SecureContext {
    return this.#secure;
  }

  /** Rises whenever the files of the context have changed. */
  get generation(): number {
    return this.#generation;
  }

  /** Whoever keeps connections is told that they belong to an older generation. */
  onRenewed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** New connections use this; sessions of the old one would carry its trust on. */
  renew(secure: SecureContext): void {
    this.#secure = secure;
    this.#generation++;
    this.sessions.clear();
    for (const listener of [...this.#listeners]) listener();
  }

  /**
   * The protocols to offer, as they stand in the hello; undefined for no ALPN.
   *
   * @param own Comes before all others; empty for none.
   * @param usual Offered where the configuration lists none.
   */
  offer(own: string, usual: readonly string[]): Buffer | undefined {
    const { alpnProtocols } = this.config;
    const others = alpnProtocols.length > 0 ? alpnProtocols : usual;
    const names = own === "" ? others : [own, ...others];
    if (names.length === 0) return undefined;
    const key = names.join("\0");
    const known = this.#offers.get(key);
    if (known !== undefined) return known;
    const made = protocolList(names);
    this.#offers.set(key, made);
    return made;
  }
}
