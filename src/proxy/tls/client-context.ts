import { isIP } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { protocolList } from "../../codec/tls/protocol-list.ts";
import type { UpstreamTls } from "../../model/transport/tls.ts";
import {
  type ContextMaterial,
  type RenewalCause,
  RenewedContext,
} from "./renewal/renewed-context.ts";
import { SessionStore } from "./session/session-store.ts";

/** How connections to a cluster's endpoints are secured (Envoy: ClientContextImpl). */
export class ClientContext extends RenewedContext {
  readonly config: UpstreamTls;
  readonly sessions: SessionStore;
  /** The name to ask for; undefined for none. Addresses are not names (RFC 6066 section 3). */
  readonly serverName: string | undefined;
  readonly #offers = new Map<string, Buffer>();

  /** See `RenewedContext`. */
  constructor(config: UpstreamTls, material: ContextMaterial | undefined, clock: Clock) {
    super(config.validation, material, clock);
    this.config = config;
    this.sessions = new SessionStore(config.maxSessionKeys);
    this.serverName = config.sni === "" || isIP(config.sni) !== 0 ? undefined : config.sni;
  }

  /** Sessions of the generation before would carry its trust on. */
  override renew(material: ContextMaterial, cause: RenewalCause = "files"): void {
    this.sessions.clear();
    super.renew(material, cause);
  }

  /** An endpoint whose certificate is not known, as that of a resumed session, is not believed. */
  protected get takesStrangers(): boolean {
    return !this.verifier.wantsCertificate;
  }

  /**
   * The protocols to offer, as they stand in the hello; undefined for no ALPN.
   *
   * @param own Comes before all others; empty for none.
   * @param usual Offered where the configuration lists none.
   */
  offer(own: string, usual: readonly string[]): Buffer | undefined {
    const { alpnProtocols } = this.config;
    const others = alpnProtocols.length > 0 ? saidOfMesh(alpnProtocols, usual) : usual;
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

/**
 * To a sidecar that is told "this is TLS of the mesh" alone, Istio's proxies say what is inside, as
 * its `istio.alpn` filter does: there requests are then taken for requests, not for bytes.
 */
function saidOfMesh(configured: readonly string[], usual: readonly string[]): readonly string[] {
  const [protocol] = usual;
  if (configured[0] !== "istio-peer-exchange" || usual.length !== 1) return configured;
  if (protocol === "h2") return ["istio-h2", "istio", "h2"];
  return protocol === "http/1.1" ? ["istio-http/1.1", "istio", "http/1.1"] : configured;
}
