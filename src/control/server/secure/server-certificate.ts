import { generateKeyPairSync } from "node:crypto";
import type { Clock, Timer } from "../../../base/clock.ts";
import type { AltNames } from "../../../identity/issuing/extensions.ts";
import type { CertificateAuthority } from "../../ca/certificate-authority.ts";
import type { ServerIdentity } from "./secure-server.ts";

/** A certificate that cannot be renewed is tried again after so long. */
const RETRY_MS = 60_000;

/** The control plane's own certificate: made anew when half of its life is over. */
export class ServerCertificate {
  readonly #authority: CertificateAuthority;
  readonly #names: AltNames;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #identity: Omit<ServerIdentity, "roots">;
  #timer: Timer | undefined;

  constructor(
    authority: CertificateAuthority,
    names: AltNames,
    { clock, onChange }: { readonly clock: Clock; readonly onChange: () => void },
  ) {
    this.#authority = authority;
    this.#names = names;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#identity = this.#make();
  }

  get identity(): ServerIdentity {
    return { ...this.#identity, roots: this.#authority.roots };
  }

  /** Another authority signs from now on, or the half of the certificate's life is over. */
  renew(): void {
    try {
      this.#identity = this.#make();
    } catch {
      this.#renewIn(RETRY_MS);
      return;
    }
    this.#onChange();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #make(): Omit<ServerIdentity, "roots"> {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const issued = this.#authority.issueServer(this.#names, publicKey);
    this.#renewIn((issued.notAfter - this.#clock.wall()) / 2);
    return {
      chain: [issued.leaf, ...issued.intermediates].join(""),
      key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    };
  }

  #renewIn(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(Math.max(RETRY_MS / 60, delayMs), () => this.renew());
  }
}
