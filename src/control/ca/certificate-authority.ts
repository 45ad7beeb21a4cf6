import type { KeyObject } from "node:crypto";
import type { Clock, Timer } from "../../base/clock.ts";
import type { AltNames } from "../../identity/issuing/extensions.ts";
import {
  formatWorkloadIdentity,
  spiffeIdFor,
  type WorkloadIdentity,
} from "../../identity/workload-identity.ts";
import {
  type Generation,
  generationId,
  livingGenerations,
  newGeneration,
  rootsOf,
  signerOf,
} from "./signing/generations.ts";
import { serverSubject, workloadSubject } from "./signing/leaves.ts";
import {
  type IssuedCertificate,
  issue,
  type RandomBytes,
  type SigningAuthority,
} from "./signing/signing-authority.ts";
import type {
  AuthorityState,
  StoredGeneration,
  StoredRevocation,
} from "./state/authority-state.ts";
import type { IssuedEntry, Ledger } from "./state/ledger.ts";
import { revocationLists } from "./trust/revocations.ts";

export interface AuthorityOptions {
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Where a request names no lifetime. */
  readonly validityMs: number;
  /** A request gets no longer one. */
  readonly validityMaxMs: number;
  /** How long a new root is given out before anything is signed by it. */
  readonly overlapMs: number;
  readonly ledger: Ledger;
  /** Writes the state down; what it throws, the change ends with. */
  readonly save: (state: AuthorityState) => void;
  readonly observer: AuthorityObserver;
}

/** What happens to the authority itself. */
export interface AuthorityObserver {
  /** Roots or lists are others now. */
  trustChanged(): void;
  announced(generation: StoredGeneration): void;
  signs(generation: StoredGeneration): void;
  retired(generation: StoredGeneration): void;
  revoked(entry: IssuedEntry): void;
}

/** Which certificates: one, or all of an identity. */
export type Revocation = { readonly serial: string } | { readonly identity: WorkloadIdentity };

/** Shorter ones would have run out before they arrive. */
const VALIDITY_MIN_MS = 1000;
/** At least so often it is looked at what has run out. */
const SETTLE_MS = 3_600_000;
const SETTLE_MIN_MS = 1000;
const LISTS_MS = 86_400_000;

/** The mesh's certificate authority: who may ask is decided elsewhere (`callers/`). */
export class CertificateAuthority {
  readonly #options: AuthorityOptions;
  #generations: readonly Generation[];
  #revoked: readonly StoredRevocation[];
  #revokedSerials: ReadonlySet<string> = new Set();
  #listNumber: number;
  #lists = "";
  #listedAt = 0;
  #signer: Generation | undefined;
  #timer: Timer | undefined;

  /** `generations`: by `signsFrom`; at least one of them has its key. */
  constructor(
    generations: readonly Generation[],
    state: AuthorityState,
    options: AuthorityOptions,
  ) {
    this.#options = options;
    this.#generations = generations;
    this.#revoked = state.revoked;
    this.#listNumber = state.listNumber;
    this.#signer = signerOf(generations, options.clock.wall());
    this.#list();
    this.#settle();
  }

  /** PEM: every root by which this mesh's certificates are verified. */
  get roots(): string {
    return rootsOf(this.#generations).join("");
  }

  /** PEM; empty where nothing is revoked. */
  get lists(): string {
    return this.#lists;
  }

  get revokedCount(): number {
    return this.#revoked.length;
  }

  /** What is signed with now. Throws an Error where no key is here. */
  get signing(): SigningAuthority {
    const signing = this.#signer?.signing;
    if (signing === undefined) throw new Error("no signing key is here");
    return signing;
  }

  get generations(): readonly Generation[] {
    return this.#generations;
  }

  isRevoked(serial: string): boolean {
    return this.#revokedSerials.has(serial);
  }

  /**
   * `validityMs`: what was asked for; 0 or less takes the default. Rejects where the signing
   * certificate has run out, or it cannot be written down who has the certificate.
   */
  async issueWorkload(
    trustDomain: string,
    identity: WorkloadIdentity,
    { publicKey, validityMs }: { readonly publicKey: KeyObject; readonly validityMs: number },
  ): Promise<IssuedCertificate> {
    const { clock, validityMs: usual, validityMaxMs, randomBytes, ledger } = this.#options;
    const wanted = validityMs > 0 ? validityMs : usual;
    const granted = Math.max(VALIDITY_MIN_MS, Math.min(wanted, validityMaxMs));
    const leaf = { publicKey, now: clock.wall(), validityMs: granted };
    const subject = workloadSubject(spiffeIdFor(trustDomain, identity), leaf);
    const { signing } = this;
    const issued = issue(signing, subject, randomBytes);
    await ledger.add({
      serial: issued.serial,
      identity: formatWorkloadIdentity(identity),
      generation: generationId(signing),
      notAfter: issued.notAfter,
    });
    return { ...issued, roots: rootsOf(this.#generations) };
  }

  /** A certificate for a server of the control plane, which nobody has to remember. */
  issueServer(names: AltNames, publicKey: KeyObject): IssuedCertificate {
    const { clock, validityMs, randomBytes } = this.#options;
    const leaf = { publicKey, now: clock.wall(), validityMs };
    return issue(this.signing, serverSubject(names, leaf), randomBytes);
  }

  /**
   * From now on the roots of this one are given out, and after the overlap it signs; at once where
   * its roots are known already. Nothing happens where it is the newest one.
   */
  announce(kind: StoredGeneration["kind"], signing: SigningAuthority): void {
    const newest = this.#generations.at(-1);
    if (newest?.stored.id === generationId(signing)) return;
    const { clock, overlapMs, observer } = this.#options;
    const known = new Set(rootsOf(this.#generations));
    const wait = signing.roots.every((root) => known.has(root)) ? 0 : overlapMs;
    const next = newGeneration(kind, signing, clock.wall() + wait);
    const others = this.#generations.filter(({ stored }) => stored.id !== next.stored.id);
    this.#save({ generations: [...others, next] });
    observer.announced(next.stored);
    this.#list();
    observer.trustChanged();
    this.#settle();
  }

  /** Returns which certificates those were: they hold no more, as far as the lists are known. */
  revoke(revocation: Revocation): readonly IssuedEntry[] {
    const { clock, observer } = this.#options;
    const at = clock.wall();
    const found = this.#entriesOf(revocation).filter(({ serial }) => !this.isRevoked(serial));
    if (found.length === 0) return [];
    const added = found.map(({ serial, generation, notAfter }) => ({
      serial,
      generation,
      at,
      notAfter,
    }));
    this.#save({ revoked: [...this.#revoked, ...added] });
    this.#list();
    for (const entry of found) observer.revoked(entry);
    observer.trustChanged();
    return found;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #entriesOf(revocation: Revocation): readonly IssuedEntry[] {
    const { ledger } = this.#options;
    if ("serial" in revocation) {
      const entry = ledger.find(revocation.serial.toLowerCase().replace(/^0+/, ""));
      return entry === undefined ? [] : [entry];
    }
    const identity = formatWorkloadIdentity(revocation.identity);
    return [...ledger.entries].filter((entry) => entry.identity === identity);
  }

  /** Brings everything to what the time says, and comes back when that changes. */
  #settle(): void {
    const { clock, ledger, observer } = this.#options;
    const now = clock.wall();
    ledger.sweep(now);
    const signer = signerOf(this.#generations, now);
    const turned = signer !== undefined && signer !== this.#signer;
    this.#signer = signer;
    if (turned) observer.signs(signer.stored);
    this.#retire(now);
    if (this.#lists !== "" && now - this.#listedAt >= LISTS_MS) {
      this.#list();
      observer.trustChanged();
    }
    this.#timer?.cancel();
    this.#timer = clock.after(this.#settledForMs(now), () => this.#settle());
  }

  #retire(now: number): void {
    const { ledger, observer } = this.#options;
    const inUse = new Set([...ledger.entries].map(({ generation }) => generation));
    const living = livingGenerations(this.#generations, this.#signer, inUse);
    const gone = this.#generations.filter((each) => !living.includes(each));
    const revoked = this.#revoked.filter(({ notAfter }) => notAfter > now);
    if (gone.length === 0 && revoked.length === this.#revoked.length) return;
    this.#save({ generations: living, revoked });
    this.#list();
    for (const { stored } of gone) observer.retired(stored);
    observer.trustChanged();
  }

  /** Until the next generation signs, or something runs out. */
  #settledForMs(now: number): number {
    const { ledger } = this.#options;
    const turns = this.#generations.map(({ stored }) => stored.signsFrom);
    const ends = this.#generations.length > 1 ? [...ledger.entries].map((e) => e.notAfter) : [];
    let soonest = now + SETTLE_MS;
    for (const at of turns) if (at > now && at < soonest) soonest = at;
    for (const at of ends) if (at > now && at < soonest) soonest = at;
    return Math.max(SETTLE_MIN_MS, soonest - now);
  }

  #list(): void {
    const now = this.#options.clock.wall();
    this.#revokedSerials = new Set(this.#revoked.map(({ serial }) => serial));
    if (this.#revoked.length > 0) this.#save({ listNumber: this.#listNumber + 1 });
    this.#lists = revocationLists(this.#generations, this.#revoked, {
      now,
      number: this.#listNumber,
    });
    this.#listedAt = now;
  }

  /** Written down first: what the disk does not take has not happened. */
  #save(change: {
    readonly generations?: readonly Generation[];
    readonly revoked?: readonly StoredRevocation[];
    readonly listNumber?: number;
  }): void {
    const generations = change.generations ?? this.#generations;
    const revoked = change.revoked ?? this.#revoked;
    const listNumber = change.listNumber ?? this.#listNumber;
    const stored = generations.map((each) => each.stored);
    this.#options.save({ generations: stored, revoked, listNumber });
    this.#generations = generations;
    this.#revoked = revoked;
    this.#listNumber = listNumber;
  }
}
