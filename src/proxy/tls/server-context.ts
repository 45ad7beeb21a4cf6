import type { Clock } from "../../base/clock.ts";
import type { DownstreamTls } from "../../model/transport/tls.ts";
import { type ContextMaterial, RenewedContext } from "./renewal/renewed-context.ts";

/** How a filter chain terminates TLS (Envoy: ServerContextImpl). */
export class ServerContext extends RenewedContext {
  readonly config: DownstreamTls;

  /** See `RenewedContext`. */
  constructor(config: DownstreamTls, material: ContextMaterial | undefined, clock: Clock) {
    super(config.validation, material, clock);
    this.config = config;
  }

  /** Clients are asked for a certificate. */
  get asksForCertificate(): boolean {
    return this.needsCertificate || this.verifier.wantsCertificate;
  }

  /** Clients that show none are refused. */
  get needsCertificate(): boolean {
    return this.config.requireClientCertificate || this.verifier.needsCertificate;
  }

  /** All clients show a certificate, and it was verified. */
  get knowsClients(): boolean {
    return this.needsCertificate && this.verifier.vouches;
  }

  protected get takesStrangers(): boolean {
    return !this.needsCertificate;
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
