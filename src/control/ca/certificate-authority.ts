import type { KeyObject } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { AltNames } from "../../identity/issuing/extensions.ts";
import { spiffeIdFor, type WorkloadIdentity } from "../../identity/workload-identity.ts";
import { serverSubject, workloadSubject } from "./signing/leaves.ts";
import {
  type IssuedCertificate,
  issue,
  type RandomBytes,
  type SigningAuthority,
} from "./signing/signing-authority.ts";
import type { TrustBundle } from "./trust/trust-bundle.ts";

export interface AuthorityOptions {
  readonly clock: Clock;
  /** `cluster.local`. */
  readonly trustDomain: string;
  readonly randomBytes: RandomBytes;
  /** Where a request names no lifetime. */
  readonly validityMs: number;
  /** A request gets no longer one. */
  readonly validityMaxMs: number;
}

/** Shorter ones would have run out before they arrive. */
const VALIDITY_MIN_MS = 1000;

/** The mesh's certificate authority: who may ask is decided elsewhere (`callers/`). */
export class CertificateAuthority {
  readonly #options: AuthorityOptions;
  readonly #signing: SigningAuthority;

  constructor(signing: SigningAuthority, options: AuthorityOptions) {
    this.#signing = signing;
    this.#options = options;
  }

  get trustDomain(): string {
    return this.#options.trustDomain;
  }

  get bundle(): TrustBundle {
    return {
      trustDomain: this.trustDomain,
      roots: this.#signing.roots.join(""),
      aliases: [],
      federated: new Map(),
      crl: "",
    };
  }

  /** `validityMs`: what was asked for; 0 or less takes the default. */
  issueWorkload(
    identity: WorkloadIdentity,
    publicKey: KeyObject,
    validityMs: number,
  ): IssuedCertificate {
    const { clock, validityMs: usual, validityMaxMs, randomBytes } = this.#options;
    const wanted = validityMs > 0 ? validityMs : usual;
    const granted = Math.max(VALIDITY_MIN_MS, Math.min(wanted, validityMaxMs));
    const leaf = { publicKey, now: clock.wall(), validityMs: granted };
    const id = spiffeIdFor(this.trustDomain, identity);
    return issue(this.#signing, workloadSubject(id, leaf), randomBytes);
  }

  /** A certificate for a server of the control plane. */
  issueServer(names: AltNames, publicKey: KeyObject): IssuedCertificate {
    const { clock, validityMs, randomBytes } = this.#options;
    const leaf = { publicKey, now: clock.wall(), validityMs };
    return issue(this.#signing, serverSubject(names, leaf), randomBytes);
  }
}
