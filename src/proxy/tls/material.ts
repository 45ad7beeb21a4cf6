import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, type Stats, statSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { fileFault } from "../../base/file-fault.ts";
import type { Refusals } from "../../base/refusals.ts";
import type { DataSource, TlsCertificate, TlsValidation } from "../../model/transport/tls.ts";

/** A bundle of all public authorities has a quarter of that. */
const FILE_BYTES_MAX = 1024 * 1024;

/** The bytes of a source. Throws an Error that names the file. */
export type ReadSource = (source: DataSource) => Buffer;

/** A certificate chain and its key, as PEM, and the kind of that key. */
export interface Pair {
  readonly chain: string;
  readonly key: string;
  readonly kind: string;
}

const PEM_LIST = /-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Undefined where a half of it cannot be used, which `refusals` then tells. */
export function readPair(
  { certificateChain, privateKey }: TlsCertificate,
  where: string,
  read: ReadSource,
  refusals: Refusals,
): Pair | undefined {
  const certificate = refusals.attempt(`${where}.certificate_chain`, () =>
    parse(certificateChain, read, "is not a certificate", (pem) => new X509Certificate(pem)),
  );
  const secret = refusals.attempt(`${where}.private_key`, () =>
    parse(privateKey, read, "is not a private key", createPrivateKey),
  );
  if (certificate === undefined || secret === undefined) return undefined;
  if (!certificate.made.checkPrivateKey(secret.made)) {
    const names = `${nameOf(privateKey)} is not the key of ${nameOf(certificateChain)}`;
    refusals.add(`${where}.private_key: ${names}`);
    return undefined;
  }
  const kind = secret.made.asymmetricKeyType ?? "";
  return { chain: certificate.pem.toString(), key: secret.pem.toString(), kind };
}

/**
 * The authorities, each of which must be readable: the library would pass over one that is not.
 * Throws an Error that names the source.
 */
export function readBundle(source: DataSource, read: ReadSource): string {
  const text = read(source).toString();
  const blocks: readonly string[] = text.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) throw new Error(`${nameOf(source)} holds no certificate`);
  for (const block of blocks) {
    understand(source, "holds what is not a certificate", () => new X509Certificate(block));
  }
  return text;
}

/** The certificates in a text. Throws where one of them is none. */
export function certificatesOf(text: string): X509Certificate[] {
  return (text.match(PEM_CERTIFICATE) ?? []).map((block) => new X509Certificate(block));
}

/**
 * Lists of revoked certificates, each on its own: of a text the library would read the first alone.
 * Throws an Error that names the source.
 */
export function readLists(source: DataSource, read: ReadSource): readonly string[] {
  const lists = read(source).toString().match(PEM_LIST) ?? [];
  try {
    if (lists.length === 0) throw new RangeError("there is none");
    createSecureContext({ ca: [], crl: [...lists] });
    return lists;
  } catch {
    throw new Error(`${nameOf(source)} is not a list of revoked certificates`);
  }
}

/**
 * Whether whom to believe can be read.
 *
 * @param read Undefined: it lies in a file, and is judged when that is read.
 */
export function checkValidation(
  where: string,
  { crl, trustDomains = [], trustedCa }: TlsValidation,
  read: (source: DataSource) => Buffer | undefined,
  refusals: Refusals,
): void {
  const here = (source: DataSource): Buffer => read(source) ?? Buffer.alloc(0);
  const bundle = (field: string, source: DataSource | undefined): void => {
    if (source === undefined || read(source) === undefined) return;
    refusals.attempt(`${where}.${field}`, () => readBundle(source, here));
  };
  bundle("trusted_ca", trustedCa);
  for (const { name, bundle: source } of trustDomains) bundle(`trust domain ${name}`, source);
  if (crl === undefined || read(crl) === undefined) return;
  refusals.attempt(`${where}.crl`, () => readLists(crl, here));
}

/** What stands for a source in a sentence. */
export function nameOf(source: DataSource): string {
  return source.kind === "file" ? source.path : "the inline text";
}

function parse<T>(
  source: DataSource,
  read: ReadSource,
  what: string,
  make: (pem: Buffer) => T,
): { readonly pem: Buffer; readonly made: T } {
  const pem = read(source);
  return { pem, made: understand(source, what, () => make(pem)) };
}

function understand<T>(source: DataSource, what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${nameOf(source)} ${what}: ${why}`);
  }
}

/** What a file holds. Throws an Error that names it. */
export function readBounded(path: string): Buffer {
  const stat = statOf(path);
  if (!stat.isFile()) throw new Error(`${path} is not a file`);
  if (stat.size > FILE_BYTES_MAX) throw new Error(`${path} has more than ${FILE_BYTES_MAX} bytes`);
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`${path} ${fileFault(error)}`);
  }
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw new Error(`${path} ${fileFault(error)}`);
  }
}
