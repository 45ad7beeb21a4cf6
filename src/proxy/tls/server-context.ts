import type { SecureContext } from "node:tls";
import type { DownstreamTls } from "../../model/transport/tls.ts";
import { Verifier } from "./verifier.ts";

/** How a filter chain terminates TLS (Envoy: ServerContextImpl). */
export class ServerContext {
  readonly config: DownstreamTls;
  readonly verifier: Verifier;
  /** Clients are asked for a certificate. */
  readonly asksForCertificate: boolean;
  /** Clients that show none are refused. */
  readonly needsCertificate: boolean;
  /** All clients show a certificate, and it was verified. */
  readonly knowsClients: boolean;
  /** For new connections; replaced when its files change. */
  secure: SecureContext;

  /** Throws where a name's regex is not RE2. */
  constructor(config: DownstreamTls, secure: SecureContext) {
    this.config = config;
    this.secure = secure;
    this.verifier = new Verifier(config.validation);
    this.needsCertificate = config.requireClientCertificate || this.verifier.needsCertificate;
    this.knowsClients = this.needsCertificate && this.verifier.vouches;
    this.asksForCertificate = this.needsCertificate || this.verifier.wantsCertificate;
  }

  /**
   * The protocol to agree upon: the first of this side's that the client offers. Undefined where
   * they have none in common: the connection then goes on without, as in Envoy.
   *
   * @param own A protocol that comes before those of the configuration; empty for none.
   */
  protocolFor(offered: readonly string[], own = ""): string | undefined {
    if (own !== "" && offered.includes(own)) return own;
    return this.config.alpnProtocols.find((protocol) => offered.includes(protocol));
  }
}
