import type { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Clock, Timer } from "../base/clock.ts";
import { fileFault } from "../base/file-fault.ts";
import { issuerAndSerialOf } from "../identity/revocation.ts";
import type { ToldBundle } from "./bundle/told-bundle.ts";
import { distinct, pemText, readCertificates, readRoots } from "./issuance/roots.ts";
import type { Believed } from "./workload-secrets.ts";

/** The roots that are pinned at the start. A file is followed, and its word always counts. */
export type RootSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "text"; readonly pem: string };

export interface TrustOptions {
  readonly source: RootSource;
  readonly clock: Clock;
  /** The roots that are believed are others now. */
  readonly onChange: () => void;
  readonly onNotice: (notice: string) => void;
}

/** A mounted bundle is looked at this often. */
const LOOK_MS = 2000;
const FILE_BYTES_MAX = 1024 * 1024;

/**
 * Which roots are believed: those that are pinned, and those that the authority has told of since.
 * What a text pins is for the start alone, and gives way to what the authority tells; a file is
 * the operator's own word, and stays.
 */
export class Trust {
  readonly #options: TrustOptions;
  #pinned: readonly X509Certificate[];
  #told: readonly X509Certificate[] = [];
  #bundle: ToldBundle | undefined;
  #identity = "";
  #look: Timer | undefined;

  /** Throws an Error where there is no root to begin with. */
  constructor(options: TrustOptions) {
    this.#options = options;
    this.#identity = identityOf(options.source);
    this.#pinned = readSource(options.source);
    if (options.source.kind === "file") this.#lookAgain();
  }

  get roots(): readonly X509Certificate[] {
    const stays = this.#options.source.kind === "file" || this.#told.length === 0;
    return distinct([...(stays ? this.#pinned : []), ...this.#told]);
  }

  get pem(): string {
    return pemText(this.roots);
  }

  /** The authority, which one of the roots vouches for, has told of these. */
  learn(roots: readonly X509Certificate[]): void {
    if (roots.length > 0) this.#told = roots;
  }

  /** The control plane, which one of the roots vouches for, says to believe these. */
  tell(bundle: ToldBundle): void {
    this.#bundle = bundle;
    this.#told = bundle.roots;
  }

  /** What peers are believed by. The pinned roots of a file vouch for our own domain as well. */
  get believed(): Believed {
    const { pem } = this;
    const bundle = this.#bundle;
    if (bundle === undefined) return { roots: pem, lists: "", domains: undefined };
    const domains = bundle.domains?.map(({ name, text }) => ({
      name,
      text: text.startsWith(bundle.text) ? `${pem}${text.slice(bundle.text.length)}` : text,
    }));
    return { roots: pem, lists: bundle.lists, domains };
  }

  /** Whether a chain, PEM, leads to one of the roots. */
  leadsTo(chain: string): boolean {
    const last = readCertificates(chain).at(-1);
    if (last === undefined) return false;
    return this.roots.some((root) => last.checkIssued(root) && last.verify(root.publicKey));
  }

  /** Whether a list of revoked certificates names this one. */
  revokes(certificate: X509Certificate): boolean {
    return this.#bundle?.revoked.has(issuerAndSerialOf(certificate.raw)) ?? false;
  }

  stop(): void {
    this.#look?.cancel();
  }

  #lookAgain(): void {
    this.#look = this.#options.clock.after(LOOK_MS, () => {
      this.#lookAgain();
      this.#read();
    });
  }

  #read(): void {
    const { source, onChange, onNotice } = this.#options;
    const identity = identityOf(source);
    if (identity === this.#identity) return;
    this.#identity = identity;
    try {
      this.#pinned = readSource(source);
    } catch (error) {
      onNotice(`the last good roots stay: ${(error as Error).message}`);
      return;
    }
    onNotice(`roots read anew: ${this.#pinned.length} in ${pathOf(source)}`);
    onChange();
  }
}

function readSource(source: RootSource): readonly X509Certificate[] {
  const name = pathOf(source);
  const pem = source.kind === "text" ? source.pem : readBounded(source.path);
  try {
    return readRoots(pem);
  } catch (error) {
    throw new Error(`${name} ${(error as Error).message}`);
  }
}

function readBounded(path: string): string {
  try {
    if (statSync(path).size > FILE_BYTES_MAX) throw new Error(`more than ${FILE_BYTES_MAX} bytes`);
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`${path} ${fileFault(error)}`);
  }
}

function pathOf(source: RootSource): string {
  return source.kind === "file" ? source.path : "the bundle of roots";
}

/** Which file the path leads to, through links, and when that was written. */
function identityOf(source: RootSource): string {
  if (source.kind === "text") return "";
  try {
    const { ctimeMs, dev, ino, mtimeMs, size } = statSync(source.path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(":");
  } catch {
    return "none";
  }
}
