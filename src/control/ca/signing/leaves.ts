/** The two kinds of certificate that the mesh's authority signs. */
import type { KeyObject } from "node:crypto";
import { nameOf } from "../../../identity/issuing/certificate-form.ts";
import {
  type AltNames,
  basicConstraints,
  extendedKeyUsage,
  KEY_USAGE,
  keyUsage,
  subjectAltName,
} from "../../../identity/issuing/extensions.ts";
import type { Subject } from "./signing-authority.ts";

/** For clocks that do not agree. */
const BACKDATED_MS = 120_000;

export interface LeafOptions {
  readonly publicKey: KeyObject;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly validityMs: number;
}

/**
 * An X.509-SVID (SPIFFE X.509-SVID, sections 2 to 4): the SPIFFE ID is its only name, so the
 * subject is empty and the alternative name critical; no authority; it signs handshakes alone.
 */
export function workloadSubject(spiffeId: string, leaf: LeafOptions): Subject {
  return {
    publicKey: leaf.publicKey,
    name: nameOf(),
    extensions: [
      keyUsage(KEY_USAGE.digitalSignature),
      extendedKeyUsage("serverAuth", "clientAuth"),
      basicConstraints(false),
      subjectAltName({ uris: [spiffeId] }, true),
    ],
    ...validity(leaf),
  };
}

/** The control plane's own, for its TLS port; it is nobody's client and has no SPIFFE ID. */
export function serverSubject(names: AltNames, leaf: LeafOptions): Subject {
  return {
    publicKey: leaf.publicKey,
    name: nameOf(),
    extensions: [
      keyUsage(KEY_USAGE.digitalSignature),
      extendedKeyUsage("serverAuth"),
      basicConstraints(false),
      subjectAltName(names, true),
    ],
    ...validity(leaf),
  };
}

function validity({ now, validityMs }: LeafOptions): Pick<Subject, "notBefore" | "notAfter"> {
  return { notBefore: now - BACKDATED_MS, notAfter: now + validityMs };
}
