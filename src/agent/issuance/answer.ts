import type { KeyObject, X509Certificate } from "node:crypto";
import { spiffeIdOf } from "../../identity/spiffe-id.ts";
import { readSubjectAltNames } from "../../identity/subject-alt-names.ts";
import { distinct, pemText, readCertificates } from "./roots.ts";

/** A certificate with all that belongs to it. */
export interface Issued {
  /** PEM: the leaf, then the intermediates. */
  readonly chain: string;
  /** The roots that came with it; none: those that are known go on. */
  readonly roots: readonly X509Certificate[];
  /** `spiffe://cluster.local/ns/default/sa/reviews`. */
  readonly identity: string;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

export interface Expectation {
  /** Whose private half the caller holds. */
  readonly publicKey: KeyObject;
  /** SPIFFE ID; undefined: whichever the authority says. */
  readonly identity: string | undefined;
  readonly trusted: readonly X509Certificate[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Certificates of one answer; a chain has three or four. */
const CERTIFICATES_MAX = 1000;
const DEPTH_MAX = 8;

/**
 * Reads an authority's answer, and believes it only where all of it fits: the key, the name, the
 * time, and a chain that leads to a root that was trusted before. New roots are learned from an
 * answer that an old one vouches for. Throws an Error, as the end of a sentence, where it does not.
 */
export function readAnswer(answer: readonly string[], expected: Expectation): Issued {
  const [leaf, ...others] = readCertificates(answer.join("\n"));
  if (leaf === undefined) throw new Error("holds no certificate");
  if (others.length > CERTIFICATES_MAX) throw new Error("holds too many certificates");
  const roots = distinct(others.filter(isRoot));
  const intermediates = distinct(others.filter((each) => !isRoot(each)));
  const path = pathOf(leaf, intermediates, expected);
  const identity = identityOf(leaf, expected);
  return {
    chain: pemText([leaf, ...path]),
    roots,
    identity,
    notAfter: leaf.validToDate.getTime(),
  };
}

function identityOf(leaf: X509Certificate, { publicKey, identity, now }: Expectation): string {
  if (!leaf.publicKey.equals(publicKey)) throw new Error("is for another key");
  if (leaf.ca) throw new Error("is for an authority");
  const found = namesOf(leaf);
  if (found === undefined) throw new Error("has no SPIFFE ID as its only URI");
  if (identity !== undefined && found !== identity) {
    throw new Error(`is for ${found}, and ${identity} was expected`);
  }
  const fault = timeFault(leaf, now);
  if (fault !== undefined) throw new Error(`${fault}: is this machine's clock right?`);
  return found;
}

function namesOf(leaf: X509Certificate): string | undefined {
  try {
    return spiffeIdOf(readSubjectAltNames(leaf.raw).uri);
  } catch {
    return undefined;
  }
}

/** The intermediates that lead from the leaf to a trusted root, in order. */
function pathOf(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  { trusted, now }: Expectation,
): readonly X509Certificate[] {
  const path: X509Certificate[] = [];
  let last = leaf;
  while (!trusted.some((root) => signs(root, last, now))) {
    const next = intermediates.find((each) => !path.includes(each) && signs(each, last, now));
    if (next === undefined || path.length >= DEPTH_MAX) {
      throw new Error("leads to no root that is trusted here");
    }
    path.push(next);
    last = next;
  }
  return path;
}

function signs(issuer: X509Certificate, subject: X509Certificate, now: number): boolean {
  if (!issuer.ca || timeFault(issuer, now) !== undefined) return false;
  return subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function isRoot(certificate: X509Certificate): boolean {
  return certificate.ca && certificate.checkIssued(certificate);
}

/** As the end of a sentence. */
function timeFault(certificate: X509Certificate, now: number): string | undefined {
  const { validFromDate, validToDate } = certificate;
  if (validFromDate.getTime() > now) return `is not valid before ${validFromDate.toISOString()}`;
  if (validToDate.getTime() <= now) return `has expired at ${validToDate.toISOString()}`;
  return undefined;
}
