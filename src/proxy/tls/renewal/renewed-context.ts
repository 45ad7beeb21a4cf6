import type { SecureContext, TLSSocket } from "node:tls";
import type { Clock } from "../../../base/clock.ts";
import { describePeer } from "../../../identity/peer-certificate.ts";
import type { TlsValidation } from "../../../model/transport/tls.ts";
import type { ContextCertificates } from "../../secrets/context-certificates.ts";
import type { TrustDomains } from "../peer/trust-domains.ts";
import { Verifier } from "../peer/verifier.ts";
import { SecuredConnections } from "./secured-connections.ts";
import type { Trust } from "./trust.ts";

/** What one generation of a context works with. */
export interface ContextMaterial {
  readonly secure: SecureContext;
  /** Its own and that of its secret, with everything in place. */
  readonly validation: TlsValidation | undefined;
  readonly trust: Trust;
  /** Of the validation, where it has some. */
  readonly domains?: TrustDomains | undefined;
  /** When the first certificate of each of its secrets ends, in seconds since 1970, by name. */
  readonly expirations: ReadonlyMap<string, number>;
  readonly certificates: ContextCertificates;
}

const NO_CERTIFICATES: ContextCertificates = { ca: [], chain: [] };

const NOTHING_ENDS: ReadonlyMap<string, number> = new Map();

/** Why a context was renewed: its files have changed, or its secrets came. */
export type RenewalCause = "files" | "secrets";

/** A TLS context that outlives what it works with. */
export abstract class RenewedContext {
  readonly connections: SecuredConnections;
  readonly #listeners = new Set<(cause: RenewalCause) => void>();
  #material: ContextMaterial | undefined;
  #verifier: Verifier;
  #generation = 1;

  /** `material`: undefined while secrets are awaited. Throws where a name's regex is not RE2. */
  constructor(
    validation: TlsValidation | undefined,
    material: ContextMaterial | undefined,
    clock: Clock,
  ) {
    this.#material = material;
    this.#verifier = new Verifier(material?.validation ?? validation, material?.domains);
    this.connections = new SecuredConnections(clock, (socket) => this.#believes(socket));
  }

  /** False while secrets are awaited: nobody is connected then, and `secure` throws. */
  get ready(): boolean {
    return this.#material !== undefined;
  }

  /** For new connections. */
  get secure(): SecureContext {
    if (this.#material === undefined) throw new Error("its secrets have not come");
    return this.#material.secure;
  }

  get expirations(): ReadonlyMap<string, number> {
    return this.#material?.expirations ?? NOTHING_ENDS;
  }

  /** What it shows and believes; nothing while secrets are awaited. */
  get certificates(): ContextCertificates {
    return this.#material?.certificates ?? NO_CERTIFICATES;
  }

  get verifier(): Verifier {
    return this.#verifier;
  }

  /** Rises whenever files or secrets of the context have changed. */
  get generation(): number {
    return this.#generation;
  }

  /** Called after a renewal, as connections of the generation before begin to drain. */
  onRenewed(listener: (cause: RenewalCause) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** New connections use this, and those of before drain. Throws where a regex is not RE2. */
  renew(material: ContextMaterial, cause: RenewalCause = "files"): void {
    const before = this.#material;
    this.#verifier = new Verifier(material.validation, material.domains);
    this.#material = material;
    this.#generation++;
    const trustsLess = before !== undefined && !material.trust.covers(before.trust);
    this.connections.renewed(this.#generation, trustsLess);
    for (const listener of [...this.#listeners]) listener(cause);
  }

  /** Nobody is connected by it from now on: what is open drains, as after a renewal. */
  abandon(): void {
    this.#generation++;
    this.connections.renewed(this.#generation, false);
  }

  /** The same, with other keys for session tickets. */
  rekey(secure: SecureContext): void {
    if (this.#material !== undefined) this.#material = { ...this.#material, secure };
  }

  /** Whether nobody was to show a certificate to be connected. */
  protected abstract get takesStrangers(): boolean;

  #believes(socket: TLSSocket): boolean {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return this.takesStrangers;
    if (this.#verifier.accepting) return true;
    if (this.#material?.trust.believes(certificate) === false) return false;
    return this.#verifier.objection(describePeer(certificate), undefined) === undefined;
  }
}
