/** Roots of other trust domains, out of files that somebody keeps up to date. */
import { X509Certificate } from "node:crypto";
import type { Clock, Timer } from "../../../base/clock.ts";
import { pemBlocks, pemOf } from "../../../identity/der/pem.ts";
import { fileIdentity, readBounded } from "../state/bounded-file.ts";

export interface FederationOptions {
  /** Paths by trust domain. */
  readonly files: ReadonlyMap<string, string>;
  readonly clock: Clock;
  readonly onChange: () => void;
  /** A file that was good is not any more: its last good roots stay. */
  readonly onNotice: (notice: string) => void;
}

const LOOK_MS = 5000;
const ROOTS_MAX = 256;
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;

/** Follows the files. */
export class Federation {
  readonly #options: FederationOptions;
  readonly #seen = new Map<string, string>();
  #roots: ReadonlyMap<string, string>;
  #timer: Timer | undefined;

  /** Throws an Error where a file cannot be used. */
  constructor(options: FederationOptions) {
    this.#options = options;
    const roots = new Map<string, string>();
    for (const [trustDomain, file] of options.files) {
      if (!TRUST_DOMAIN.test(trustDomain)) throw new Error(`${trustDomain} is no trust domain`);
      this.#seen.set(file, fileIdentity(file));
      roots.set(trustDomain, readBundleFile(file));
    }
    this.#roots = roots;
    if (roots.size > 0) this.#lookLater();
  }

  /** PEM by trust domain. */
  get roots(): ReadonlyMap<string, string> {
    return this.#roots;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#look();
      this.#lookLater();
    });
  }

  #look(): void {
    const roots = new Map(this.#roots);
    let changed = false;
    for (const [trustDomain, file] of this.#options.files) {
      const mark = fileIdentity(file);
      if (mark === this.#seen.get(file)) continue;
      this.#seen.set(file, mark);
      try {
        roots.set(trustDomain, readBundleFile(file));
        changed = true;
      } catch (error) {
        this.#options.onNotice(`the last good roots of ${trustDomain} stay: ${textOf(error)}`);
      }
    }
    if (!changed) return;
    this.#roots = roots;
    this.#options.onChange();
  }
}

/** PEM roots of a file: PEM, or a SPIFFE bundle. Throws an Error that says what is wrong. */
export function readBundleFile(file: string): string {
  const text = readBounded(file);
  try {
    const ders = text.trimStart().startsWith("{") ? spiffeRoots(text) : pemRoots(text);
    if (ders.length > ROOTS_MAX) throw new Error(`holds more than ${ROOTS_MAX} roots`);
    return ders.map(rootOf).join("");
  } catch (error) {
    throw new Error(`${file} ${textOf(error)}`);
  }
}

/**
 * A SPIFFE bundle (SPIFFE Trust Domain and Bundle, section 4): a JWK set of which the keys with
 * `use: "x509-svid"` and exactly one certificate count; others are passed over. None may be left:
 * then nobody of that trust domain is believed.
 */
function spiffeRoots(text: string): readonly Buffer[] {
  const { keys } = parse(text) as { readonly keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('has no list "keys"');
  return keys.flatMap((key: unknown) => {
    const { use, x5c } = (key ?? {}) as { readonly use?: unknown; readonly x5c?: unknown };
    if (use !== "x509-svid" || !Array.isArray(x5c) || x5c.length !== 1) return [];
    return typeof x5c[0] === "string" ? [Buffer.from(x5c[0], "base64")] : [];
  });
}

function pemRoots(text: string): readonly Buffer[] {
  const blocks = pemBlocks(text, "CERTIFICATE");
  if (blocks.length === 0) throw new Error("holds no certificate");
  return blocks;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("is cut short or no JSON");
  }
}

function rootOf(der: Buffer): string {
  const certificate = read(der);
  if (!certificate.ca) throw new Error("holds a certificate that is no authority's");
  return pemOf("CERTIFICATE", certificate.raw);
}

function read(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch {
    throw new Error("holds a certificate that cannot be read");
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
