import type { X509Certificate } from "node:crypto";
import type { Any } from "@bufbuild/protobuf/wkt";
import { revokedBy } from "../../identity/revocation.ts";
import type { DataSource, TlsValidation } from "../../model/transport/tls.ts";
import { secretOf } from "../../xds/secret-response.ts";
import { readRoots } from "../issuance/roots.ts";
import { type BelievedDomain, ROOTS_SECRET } from "../workload-secrets.ts";

/** Whom a control plane says to believe, read and checked. */
export interface ToldBundle {
  /** PEM, as it came. */
  readonly text: string;
  readonly roots: readonly X509Certificate[];
  /** Lists of what is revoked, PEM; empty: none. */
  readonly lists: string;
  /** Who may sign for which trust domain, PEM, lists included; undefined: only ours is believed. */
  readonly domains: readonly BelievedDomain[] | undefined;
  /** Of all lists, by `issuerAndSerialOf`. */
  readonly revoked: ReadonlySet<string>;
}

const DOMAINS_MAX = 1000;

/**
 * Reads an answer with the trust bundle: it is taken whole or not at all. Throws an Error where it
 * is another secret, has no root, cannot be read, or says more than whom to believe.
 */
export function readBundle(resources: readonly Any[]): ToldBundle {
  const secret = secretOf(resources, ROOTS_SECRET);
  if (secret.kind !== "validation") throw new Error("the trust bundle is no validation context");
  const { trustedCa, crl, trustDomains } = secret.validation;
  refuseMore(secret.validation);
  const text = textOf(trustedCa);
  const roots = believed("the trust bundle", () => readRoots(text));
  const lists = crl === undefined ? "" : textOf(crl);
  const domains = trustDomains?.map(({ bundle, name }) => ({ name, text: textOf(bundle) }));
  if ((domains?.length ?? 0) > DOMAINS_MAX) throw new Error(`more than ${DOMAINS_MAX} domains`);
  for (const domain of domains ?? []) {
    believed(`the bundle of ${domain.name}`, () => readRoots(domain.text));
  }
  const all = [lists, ...(domains ?? []).map((domain) => domain.text)].join("\n");
  return { text, roots, lists, domains, revoked: readLists(all) };
}

/** It says whom to believe: what would let others in, or read this machine's files, is refused. */
function refuseMore({ acceptUntrusted, ...validation }: TlsValidation): void {
  const { certificateHashes, certificateSpki, sans } = validation;
  if (acceptUntrusted) throw new Error("the trust bundle would let anybody in");
  if (sans.length + certificateHashes.length + certificateSpki.length === 0) return;
  throw new Error("the trust bundle names peers, and not only who vouches for them");
}

function textOf(source: DataSource | undefined): string {
  if (source === undefined) throw new Error("the trust bundle has no root");
  if (source.kind === "inline") return source.text;
  throw new Error("the trust bundle names a file of this machine");
}

function readLists(text: string): ReadonlySet<string> {
  try {
    return revokedBy(text);
  } catch {
    throw new Error("the trust bundle has a list of revoked certificates that cannot be read");
  }
}

function believed<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${name} ${(error as Error).message}`);
  }
}
