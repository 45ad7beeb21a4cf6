/** Certificates that nobody should believe, and why. */
import { X509Certificate } from "node:crypto";
import { pemBlocks, pemOf } from "../../src/identity/der/pem.ts";
import { CONTEXT_PRIMITIVE } from "../../src/identity/der/reader.ts";
import { nameOf } from "../../src/identity/issuing/certificate-form.ts";
import type { Refusal } from "../../src/proxy/tls/peer/refusal.ts";
import {
  CLIENT_AUTH,
  DIGITAL_SIGNATURE,
  dns,
  type Form,
  KEY_CERT_SIGN,
  KEY_ENCIPHERMENT,
  newKeys,
  otherName,
  SERVER_AUTH,
  type Shown,
  Signer,
  uri,
} from "./odd-authority.ts";

export const TRUST_DOMAIN = "cluster.local";
const GOOD_ID = `spiffe://${TRUST_DOMAIN}/ns/default/sa/good`;
const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";

/** Whom Envoy lets in with it: as a client, as a server, or both. */
type Side = "client" | "server";

export interface BadCertificate extends Shown {
  readonly name: string;
  /** Why our proxy refuses it. */
  readonly refusal: Refusal;
  /** As a server's; undefined: no server's library shows it. */
  readonly serverRefusal: Refusal | undefined;
  readonly envoyTakes: readonly Side[];
  /** It shows only where lists of the revoked are looked at. */
  readonly withCrl: boolean;
}

export interface BadCertificates {
  /** PEM: whom both sides believe. */
  readonly ca: string;
  /** PEM: what its authorities have revoked. */
  readonly crl: string;
  readonly good: Shown;
  /** As good, below an intermediate authority. */
  readonly below: Shown;
  readonly bad: readonly BadCertificate[];
}

interface Options extends Partial<Pick<BadCertificate, "envoyTakes" | "withCrl">> {
  readonly serverRefusal?: Refusal;
  readonly noServer?: boolean;
}

const BOTH: Options = { envoyTakes: ["client", "server"] };

export function badCertificates(): BadCertificates {
  const root = new Signer("root");
  const middle = new Signer("middle", root);
  const gone = new Signer("revoked middle", root);
  const revoked = root.issue({ names: [uri(GOOD_ID)] });
  const below = middle.issue({ names: [uri(GOOD_ID)] });
  const bad: BadCertificate[] = [];
  const add = (name: string, refusal: Refusal, shown: Shown, options: Options = {}): void => {
    const { envoyTakes = [], noServer = false, withCrl = false } = options;
    const serverRefusal = noServer ? undefined : (options.serverRefusal ?? refusal);
    bad.push({ name, refusal, serverRefusal, envoyTakes, withCrl, ...shown });
  };
  addBadChains(add, root, middle);
  addBadLeaves(add, root);
  addBadNames(add, root);
  add("revoked", "revoked", revoked, { withCrl: true });
  const belowGone = gone.issue({ names: [uri(GOOD_ID)] });
  add("whose authority is revoked", "revoked", belowGone, { withCrl: true });
  const lists = [
    root.revoke([leafOf(revoked), new X509Certificate(gone.der)]),
    middle.revoke([]),
    gone.revoke([]),
  ];
  const good = root.issue({ names: [uri(GOOD_ID)] });
  return { ca: root.pem, crl: lists.join(""), good, below, bad };
}

type Add = (name: string, refusal: Refusal, shown: Shown, options?: Options) => void;

const named: Form = { names: [uri(GOOD_ID)] };

/** What leads to the authority is no good. */
function addBadChains(add: Add, root: Signer, middle: Signer): void {
  const stranger = new Signer("stranger");
  const namesake = new Signer("root");
  const narrow = new Signer("narrow", root, { authority: { pathLength: 0 } });
  const tooDeep = new Signer("too deep", narrow);
  const noAuthority = new Signer("no authority", root, { authority: false });
  const old = new Signer("old", root, { to: -1 });
  const rsa = new Signer("rsa", root, { keys: newKeys("rsa") });
  add("expired", "expired", root.issue({ ...named, to: -1 }));
  add("not yet valid", "not_yet_valid", root.issue({ ...named, from: 1 }));
  add("of a stranger", "unknown_authority", stranger.issue(named));
  add("of a namesake of the authority", "bad_signature", namesake.issue(named));
  add("that signs itself", "self_signed", new Signer("leaf").self(named));
  add("below an expired authority", "expired", old.issue(named));
  add("below too many authorities", "path_too_long", tooDeep.issue(named));
  add("below one that is no authority", "no_authority", noAuthority.issue(named));
  add("without the authority between", "unknown_authority", alone(middle.issue(named)));
  add("signed with MD5", "too_weak", rsa.issue({ ...named, hash: "md5" }));
  add("signed with SHA-1", "too_weak", root.issue({ ...named, hash: "sha1" }), BOTH);
  add("with a signature of other bytes", "bad_signature", tampered(root.issue(named)));
}

/** What the certificate says of its key is no good. */
function addBadLeaves(add: Add, root: Signer): void {
  const usage = (bits: number | undefined): Form => ({ ...named, usage: bits });
  const extended = (...ids: string[]): Form => ({ ...named, extended: ids });
  const weak = { ...named, keys: newKeys("rsa", 1024) };
  const signs = DIGITAL_SIGNATURE | KEY_CERT_SIGN;
  const forOne = "svid_extended_key_usage";
  add("with an RSA key of 1024 bits", "too_weak", root.issue(weak), BOTH);
  add("that is an authority", "svid_authority", root.issue({ ...named, authority: {} }), BOTH);
  add("that signs certificates", "svid_key_usage", root.issue(usage(signs)), BOTH);
  add("that signs nothing", "svid_key_usage", root.issue(usage(KEY_ENCIPHERMENT)), {
    noServer: true,
  });
  add("without key usage", "svid_key_usage", root.issue(usage(undefined)), BOTH);
  const lax = { ...named, usageCritical: false };
  add("whose key usage is not critical", "svid_key_usage", root.issue(lax), BOTH);
  add("for servers", "wrong_purpose", root.issue(extended(SERVER_AUTH)), {
    serverRefusal: forOne,
    envoyTakes: ["server"],
  });
  add("for clients", forOne, root.issue(extended(CLIENT_AUTH)), {
    serverRefusal: "wrong_purpose",
    envoyTakes: ["client"],
  });
  add("for code", "wrong_purpose", root.issue(extended(CODE_SIGNING)));
  const nobody = { ...named, subject: nameOf() };
  add("without subject, its names not critical", "svid_subject", root.issue(nobody), BOTH);
}

/** Who the certificate says that it is of is no good. */
function addBadNames(add: Add, root: Signer): void {
  const id = (path: string): Shown => root.issue({ names: [uri(`spiffe://${path}`)] });
  const other = `spiffe://${TRUST_DOMAIN}/ns/default/sa/other`;
  const shown = (...names: Buffer[]): Shown => root.issue({ names });
  add("of another trust domain", "name", id("elsewhere/ns/default/sa/good"));
  add("with two URIs", "uri_names", shown(uri(GOOD_ID), uri(other)), BOTH);
  add("with a second URI elsewhere", "uri_names", shown(uri(GOOD_ID), uri("https://a")), BOTH);
  add("without a name", "name", shown());
  add("with a DNS name alone", "name", shown(dns("good.default.svc")));
  add("with a URI in a DNS name", "name", shown(dns(`a, URI:${GOOD_ID}`)));
  add("with NUL in a DNS name", "name", shown(dns(`${GOOD_ID}\0.example`)));
  add("with an ID in another name", "name", shown(otherName(GOOD_ID)));
  add("with NUL in its URI", "spiffe_id", id(`${TRUST_DOMAIN}/a\0b`), BOTH);
  add("without a path", "spiffe_id", id(`${TRUST_DOMAIN}/`), BOTH);
  add("of the trust domain itself", "spiffe_id", id(TRUST_DOMAIN));
  add("with percent signs in its path", "spiffe_id", id(`${TRUST_DOMAIN}/ns%2fa`), BOTH);
  add("with dots in its path", "spiffe_id", id(`${TRUST_DOMAIN}/ns/../a`), BOTH);
  add("with a slash at the end", "spiffe_id", id(`${TRUST_DOMAIN}/ns/a/`), BOTH);
  add("with a query", "spiffe_id", id(`${TRUST_DOMAIN}/ns/a?b`), BOTH);
  add("with a fragment", "spiffe_id", id(`${TRUST_DOMAIN}/ns/a#b`), BOTH);
  add("with a port", "spiffe_id", id(`${TRUST_DOMAIN}:443/ns/a`));
  add("with a user", "spiffe_id", id(`me@${TRUST_DOMAIN}/ns/a`));
  add("with capital letters", "spiffe_id", id("Cluster.Local/ns/a"));
  add("with an ID of 3 KiB", "spiffe_id", id(`${TRUST_DOMAIN}/${"a".repeat(3072)}`), BOTH);
  const cut = Buffer.of(CONTEXT_PRIMITIVE | 6, 0x84);
  add("whose names are no DER", "unreadable", shown(uri(GOOD_ID), cut), { noServer: true });
}

function leafOf({ chain }: Shown): X509Certificate {
  return new X509Certificate(chain);
}

/** Without those above it. */
function alone({ chain, key }: Shown): Shown {
  return { chain: pemOf("CERTIFICATE", firstOf(chain)), key };
}

/** One bit of the signature is another. */
function tampered({ chain, key }: Shown): Shown {
  const der = firstOf(chain);
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  return { chain: pemOf("CERTIFICATE", der), key };
}

function firstOf(chain: string): Buffer {
  return pemBlocks(chain, "CERTIFICATE")[0] ?? Buffer.alloc(0);
}
