import type { Secret } from "../model/transport/secret.ts";
import { NO_VALIDATION } from "../model/transport/tls.ts";

/** Istio's names of a workload's own certificate, and of the roots that it believes. */
export const CERTIFICATE_SECRET = "default";
export const ROOTS_SECRET = "ROOTCA";

/** Who is to hear that a secret came or was replaced. */
export interface SecretSource {
  /** Undefined where there is none of this name, or none yet. */
  current(name: string): Secret | undefined;
  /** Calls back with the name of each secret that changed; what comes back ends that. */
  onChange(listener: (name: string) => void): () => void;
}

/** Who may sign for a trust domain: PEM, roots and lists of what is revoked. */
export interface BelievedDomain {
  readonly name: string;
  readonly text: string;
}

/** Whom to believe: PEM, all of it. */
export interface Believed {
  readonly roots: string;
  /** Of what is revoked; empty: nothing is known to be. */
  readonly lists: string;
  /** Undefined: the roots are all there is. */
  readonly domains: readonly BelievedDomain[] | undefined;
}

/** What an agent holds: the certificate with its key, and the roots. Only in memory. */
export class WorkloadSecrets implements SecretSource {
  readonly #secrets = new Map<string, Secret>();
  readonly #texts = new Map<string, string>();
  readonly #listeners = new Set<(name: string) => void>();

  current(name: string): Secret | undefined {
    return this.#secrets.get(name);
  }

  onChange(listener: (name: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** PEM, both. */
  setCertificate(chain: string, key: string): void {
    const certificate = { certificateChain: inline(chain), privateKey: inline(key) };
    this.#set({ kind: "certificate", name: CERTIFICATE_SECRET, certificate }, chain);
  }

  setTrust({ roots, lists, domains }: Believed): void {
    const trustDomains = domains?.map(({ name, text }) => ({ name, bundle: inline(text) }));
    const validation = {
      ...NO_VALIDATION,
      trustedCa: inline(roots),
      crl: lists === "" ? undefined : inline(lists),
      ...(trustDomains === undefined ? {} : { trustDomains }),
    };
    const text = JSON.stringify([roots, lists, domains]);
    this.#set({ kind: "validation", name: ROOTS_SECRET, validation }, text);
  }

  #set(secret: Secret, text: string): void {
    if (this.#texts.get(secret.name) === text) return;
    this.#texts.set(secret.name, text);
    this.#secrets.set(secret.name, secret);
    for (const listener of this.#listeners) listener(secret.name);
  }
}

function inline(text: string): { readonly kind: "inline"; readonly text: string } {
  return { kind: "inline", text };
}
