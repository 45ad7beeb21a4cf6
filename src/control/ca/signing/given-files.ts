/** A signing certificate that the user brings: of a company's authority, for instance. */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { pemBlocks, pemOf } from "../../../identity/der/pem.ts";
import { type CertificateFacts, factsOf } from "../../../identity/issuing/certificate-facts.ts";
import { KEY_USAGE } from "../../../identity/issuing/extensions.ts";
import { keyFault } from "../../../identity/issuing/public-key.ts";
import { readSubjectAltNames } from "../../../identity/subject-alt-names.ts";
import { readBounded } from "../state/bounded-file.ts";
import type { SigningAuthority } from "./signing-authority.ts";

/** Paths of PEM files, as Istio's secret `cacerts` has them. */
export interface GivenFiles {
  readonly key: string;
  readonly certificate: string;
  /** From the signing certificate up, or from its issuer; the roots may be in it. */
  readonly chain: string;
  /** One or more. */
  readonly root: string;
}

const CHAIN_MAX = 8;
const TRUST_DOMAIN_ID = /^spiffe:\/\/[^/]+$/;

/** What was read, before anything is believed of it. */
interface Given {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
  readonly chain: readonly X509Certificate[];
  readonly roots: readonly X509Certificate[];
}

/** Names of the four files in a folder, as Istio calls them. */
export function givenFilesIn(folder: string): GivenFiles {
  return {
    key: `${folder}/ca-key.pem`,
    certificate: `${folder}/ca-cert.pem`,
    chain: `${folder}/cert-chain.pem`,
    root: `${folder}/root-cert.pem`,
  };
}

/**
 * Reads the files and checks that they may sign for a mesh. Throws an Error with everything that is
 * wrong, a line each. `now`: milliseconds since 1970.
 */
export function readGivenFiles(files: GivenFiles, now: number): SigningAuthority {
  const given = readAll(files);
  const facts = factsOf(given.certificate);
  const above = pathAbove(given);
  const faults = [
    ...signerFaults(given, facts, now).map((fault) => `${files.certificate}: ${fault}`),
    ...(above === undefined
      ? [`${files.chain}: does not lead from the signing certificate to a root of ${files.root}`]
      : above.flatMap((each, i) => issuerFaults(each, i, now, files.chain))),
    ...given.roots
      .filter((root) => above?.includes(root) !== true)
      .flatMap((root) => rootFaults(root, now, files.root)),
  ];
  if (faults.length > 0) throw new Error(faults.join("\n"));
  const roots = given.roots.map(pem);
  const chained = [given.certificate, ...(above ?? [])].map(pem);
  return {
    certificate: given.certificate,
    facts,
    key: given.key,
    intermediates: chained.filter((each) => !roots.includes(each)),
    roots,
  };
}

function readAll(files: GivenFiles): Given {
  const [certificate] = certificatesIn(files.certificate);
  const roots = certificatesIn(files.root);
  if (certificate === undefined) throw new Error(`${files.certificate} holds no certificate`);
  if (roots.length === 0) throw new Error(`${files.root} holds no certificate`);
  return { key: keyIn(files.key), certificate, chain: certificatesIn(files.chain), roots };
}

function signerFaults(
  { key, certificate }: Given,
  facts: CertificateFacts,
  now: number,
): readonly string[] {
  const kind = keyFault(key);
  const matches = createPublicKey(key).equals(certificate.publicKey);
  return [
    ...(matches ? [] : ["is not the key's: they do not match"]),
    ...(kind === undefined ? [] : [kind]),
    ...authorityFaults(certificate, facts, now),
  ];
}

/** `index`: how many issuers stand between it and the signing certificate. */
function issuerFaults(
  certificate: X509Certificate,
  index: number,
  now: number,
  file: string,
): readonly string[] {
  const facts = factsOf(certificate);
  const below = index + 1;
  const faults = [...authorityFaults(certificate, facts, now)];
  if (facts.pathLength !== undefined && facts.pathLength < below) {
    faults.push(`allows a path of ${facts.pathLength} authorities below it, and has ${below}`);
  }
  return faults.map((fault) => `${file}: ${nameOf(certificate)} ${fault}`);
}

function rootFaults(root: X509Certificate, now: number, file: string): readonly string[] {
  return authorityFaults(root, factsOf(root), now).map(
    (fault) => `${file}: ${nameOf(root)} ${fault}`,
  );
}

function authorityFaults(
  certificate: X509Certificate,
  facts: CertificateFacts,
  now: number,
): readonly string[] {
  const faults: string[] = [];
  if (!facts.authority) faults.push("is no authority's (CA:TRUE is missing)");
  if (((facts.keyUsage ?? 0) & KEY_USAGE.keyCertSign) === 0) {
    faults.push("may not sign certificates (keyCertSign is missing)");
  }
  if (facts.notAfter <= now) faults.push(`has expired at ${certificate.validToDate.toISOString()}`);
  if (facts.notBefore > now) {
    faults.push(`is not valid before ${certificate.validFromDate.toISOString()}`);
  }
  const ids = readSubjectAltNames(certificate.raw).uri.filter((uri) => uri.startsWith("spiffe:"));
  if (ids.some((id) => !TRUST_DOMAIN_ID.test(id)) || ids.length > 1) {
    faults.push("has a SPIFFE ID other than a trust domain's");
  }
  return faults;
}

/** Issuers up to a root, that included; none for a root itself; undefined without a way there. */
function pathAbove({ certificate, chain, roots }: Given): readonly X509Certificate[] | undefined {
  const path: X509Certificate[] = [];
  let last = certificate;
  while (!roots.some((root) => root.raw.equals(last.raw))) {
    const next = [...roots, ...chain].find((each) => isIssuer(each, last));
    if (next === undefined || path.includes(next) || path.length >= CHAIN_MAX) return undefined;
    path.push(next);
    last = next;
  }
  return path;
}

function isIssuer(issuer: X509Certificate, subject: X509Certificate): boolean {
  if (issuer.raw.equals(subject.raw)) return false;
  return subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function certificatesIn(file: string): readonly X509Certificate[] {
  const blocks = pemBlocks(readBounded(file), "CERTIFICATE");
  try {
    return blocks.map((der) => new X509Certificate(der));
  } catch {
    throw new Error(`${file} holds a certificate that cannot be read`);
  }
}

/** The message says nothing of what the file holds. */
function keyIn(file: string): KeyObject {
  const text = readBounded(file);
  try {
    return createPrivateKey(text);
  } catch {
    throw new Error(`${file} holds no private key in PEM, or one with a password`);
  }
}

function pem(certificate: X509Certificate): string {
  return pemOf("CERTIFICATE", certificate.raw);
}

function nameOf(certificate: X509Certificate): string {
  return certificate.subject.replaceAll("\n", ",");
}
