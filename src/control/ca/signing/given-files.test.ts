import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { authorityScene, temporaryFolder } from "../../../../test/support/authority-scene.ts";
import { pemBlocks, pemOf } from "../../../identity/der/pem.ts";
import { nameOf, signCertificate } from "../../../identity/issuing/certificate-form.ts";
import {
  authorityKeyIdentifier,
  basicConstraints,
  KEY_USAGE,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from "../../../identity/issuing/extensions.ts";
import { keyIdentifierOf } from "../../../identity/issuing/public-key.ts";
import { type GivenFiles, givenFilesIn, readGivenFiles } from "./given-files.ts";

const NOW = Date.now();
const DAY_MS = 86_400_000;
const REVIEWS = { namespace: "shop", serviceAccount: "reviews" };

interface Made {
  readonly name: Buffer;
  readonly pem: string;
  readonly key: KeyObject;
}

interface Wanted {
  readonly commonName: string;
  readonly issuer?: Made;
  readonly authority?: boolean;
  readonly pathLength?: number;
  readonly usage?: number | null;
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly keys?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly uri?: string;
}

const SIGNS = KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign;

function make(wanted: Wanted): Made {
  const { commonName, issuer, authority = true, pathLength, usage = SIGNS, uri } = wanted;
  const keys = wanted.keys ?? generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = nameOf({ commonName });
  const constraints = authority ? (pathLength === undefined ? {} : { pathLength }) : false;
  const der = signCertificate(
    {
      serial: randomBytes(8),
      issuer: issuer?.name ?? name,
      subject: name,
      notBefore: wanted.notBefore ?? NOW - DAY_MS,
      notAfter: wanted.notAfter ?? NOW + DAY_MS,
      publicKey: keys.publicKey,
      extensions: [
        basicConstraints(constraints),
        subjectKeyIdentifier(keyIdentifierOf(keys.publicKey)),
        authorityKeyIdentifier(keyIdentifierOf(createPublicKey(issuer?.key ?? keys.privateKey))),
        ...(usage === null ? [] : [keyUsage(usage)]),
        ...(uri === undefined ? [] : [subjectAltName({ uris: [uri] }, false)]),
      ],
    },
    issuer?.key ?? keys.privateKey,
  );
  return { name, pem: pemOf("CERTIFICATE", der), key: keys.privateKey };
}

interface Contents {
  readonly key: string;
  readonly certificate: string;
  readonly chain: string;
  readonly root: string;
}

function pemKey(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** A root, an authority below it, and one below that, which signs. */
function company(signer: Partial<Wanted> = {}, between: Partial<Wanted> = {}): Contents {
  const root = make({ commonName: "root" });
  const middle = make({ commonName: "middle", issuer: root, ...between });
  const mesh = make({ commonName: "mesh", issuer: middle, ...signer });
  return {
    key: pemKey(mesh.key),
    certificate: mesh.pem,
    chain: mesh.pem + middle.pem + root.pem,
    root: root.pem,
  };
}

function write(contents: Contents, folder: string = temporaryFolder()): GivenFiles {
  const files = givenFilesIn(folder);
  for (const part of ["key", "certificate", "chain", "root"] as const) {
    writeFileSync(files[part], contents[part], { mode: 0o600 });
  }
  return files;
}

describe("an authority of the user's own", () => {
  it("signs, and its chain goes with each certificate", async () => {
    const contents = company();
    const scene = await authorityScene({ given: write(contents) });
    const { chain } = await scene.ask({ token: scene.control.joinToken(REVIEWS) });
    const [leaf = "", mesh = "", middle = "", root = ""] = chain;
    const parsed = [leaf, mesh, middle, root].map((pem) => new X509Certificate(pem));
    for (const [i, each] of parsed.slice(0, -1).entries()) {
      expect(each.verify(parsed[i + 1]?.publicKey as KeyObject)).toBe(true);
    }
    expect(root).toBe(contents.root);
    expect(scene.control.bundle.roots).toBe(contents.root);
  });

  it("gives out no list that would refuse everybody: the root's is not ours to sign", async () => {
    const scene = await authorityScene({ given: write(company()) });
    const { leaf } = await scene.ask({ token: scene.control.joinToken(REVIEWS) });
    expect(scene.control.revoke({ serial: leaf.serialNumber })).toHaveLength(1);
    expect(scene.control.bundle.crl).toBe("");
  });

  it("is the control plane's server too, and the root alone lets a client in", async () => {
    const scene = await authorityScene({ given: write(company()) });
    const first = await scene.ask({ token: scene.control.joinToken(REVIEWS) });
    const certificate = { chain: first.chain.slice(0, -1).join(""), key: first.key };
    await expect(scene.ask({ certificate })).resolves.toBeDefined();
  });

  it("may be the root itself, and RSA, and without leave to sign lists as Istio's samples", () => {
    const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const root = make({ commonName: "root", keys, usage: KEY_USAGE.keyCertSign });
    const files = write({
      key: pemKey(root.key),
      certificate: root.pem,
      chain: "",
      root: root.pem,
    });
    const signing = readGivenFiles(files, NOW);
    expect(signing.intermediates).toEqual([]);
    expect(signing.roots).toEqual([root.pem]);
  });

  it("takes over from others, with overlap where its root is another", async () => {
    const folder = temporaryFolder();
    const first = company();
    const scene = await authorityScene({ given: write(first, folder), overlapMs: 60_000 });
    const second = company();
    write(second, folder);
    scene.clock.advance(5000);
    expect(scene.control.bundle.roots).toBe(first.root + second.root);
    const before = await scene.ask({ token: scene.control.joinToken(REVIEWS) });
    expect(before.chain[1]).toBe(first.certificate);
    scene.clock.advance(60_000);
    const after = await scene.ask({ token: scene.control.joinToken(REVIEWS) });
    expect(after.chain[1]).toBe(second.certificate);
  });

  it("stays where the files that take its place are bad", async () => {
    const folder = temporaryFolder();
    const notices: string[] = [];
    const first = company();
    const onNotice = (notice: string): void => void notices.push(notice);
    const scene = await authorityScene({ given: write(first, folder), onNotice });
    write({ ...company(), key: first.key }, folder);
    scene.clock.advance(5000);
    expect(notices.join()).toMatch(/the last good signing certificate stays: .*do not match/);
    const { chain } = await scene.ask({ token: scene.control.joinToken(REVIEWS) });
    expect(chain[1]).toBe(first.certificate);
    scene.clock.advance(60_000);
    expect(notices).toHaveLength(1);
  });

  it("does not let the mesh make a root of its own", async () => {
    const scene = await authorityScene({ given: write(company()) });
    expect(() => scene.control.rotateRoot()).toThrow("the signing certificate is the user's");
  });

  it("never has its key copied into the mesh's folder", async () => {
    const contents = company();
    const scene = await authorityScene({ given: write(contents) });
    const { readdirSync, readFileSync } = await import("node:fs");
    const secret = contents.key.split("\n")[1] ?? "";
    for (const file of readdirSync(scene.caDir, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      expect(readFileSync(path.join(file.parentPath, file.name), "utf8")).not.toContain(secret);
    }
  });
});

const other = company();

describe.each<{ name: string; contents: () => Contents; says: string }>([
  {
    name: "a key of another certificate",
    contents: () => ({ ...company(), key: other.key }),
    says: "is not the key's: they do not match",
  },
  {
    name: "a certificate that is no authority's",
    contents: () => company({ authority: false }),
    says: "is no authority's (CA:TRUE is missing)",
  },
  {
    name: "a certificate that may not sign certificates",
    contents: () => company({ usage: KEY_USAGE.digitalSignature }),
    says: "may not sign certificates (keyCertSign is missing)",
  },
  {
    name: "a certificate without key usage",
    contents: () => company({ usage: null }),
    says: "may not sign certificates (keyCertSign is missing)",
  },
  {
    name: "an expired certificate",
    contents: () => company({ notAfter: NOW - 1000 }),
    says: "has expired at",
  },
  {
    name: "a certificate of tomorrow",
    contents: () => company({ notBefore: NOW + 60_000 }),
    says: "is not valid before",
  },
  {
    name: "an expired issuer",
    contents: () => company({}, { notAfter: NOW - 1000 }),
    says: "CN=middle has expired at",
  },
  {
    name: "an issuer that allows no authority below it",
    contents: () => company({}, { pathLength: 0 }),
    says: "CN=middle allows a path of 0 authorities below it, and has 1",
  },
  {
    name: "an issuer that is no authority",
    contents: () => company({}, { authority: false }),
    says: "CN=middle is no authority's",
  },
  {
    name: "a chain to another root",
    contents: () => ({ ...company(), root: other.root }),
    says: "does not lead from the signing certificate to a root",
  },
  {
    name: "a chain with a link missing",
    contents: () => ({ ...company(), chain: "" }),
    says: "does not lead from the signing certificate to a root",
  },
  {
    name: "an RSA key of 1024 bits",
    contents: () => company({ keys: generateKeyPairSync("rsa", { modulusLength: 1024 }) }),
    says: "an RSA key of 1024 bits is not accepted",
  },
  {
    name: "a key on another curve",
    contents: () => company({ keys: generateKeyPairSync("ec", { namedCurve: "secp521r1" }) }),
    says: "curve is not accepted",
  },
  {
    name: "a SPIFFE ID with a path",
    contents: () => company({ uri: "spiffe://cluster.local/ns/a/sa/b" }),
    says: "has a SPIFFE ID other than a trust domain's",
  },
  {
    name: "no certificate",
    contents: () => ({ ...company(), certificate: "hello" }),
    says: "holds no certificate",
  },
  {
    name: "a certificate that is cut",
    contents: () => {
      const [der = Buffer.alloc(0)] = pemBlocks(other.certificate, "CERTIFICATE");
      return { ...company(), certificate: pemOf("CERTIFICATE", der.subarray(0, 50)) };
    },
    says: "holds a certificate that cannot be read",
  },
  {
    name: "a key that is none",
    contents: () => ({ ...company(), key: "-----BEGIN PRIVATE KEY-----\nAAAA\n" }),
    says: "holds no private key in PEM",
  },
])("files with $name", ({ contents, says }) => {
  it("are refused, and nothing of the key is told", () => {
    const given = contents();
    const files = write(given);
    let message = "";
    try {
      readGivenFiles(files, NOW);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain(says);
    expect(message).not.toContain(given.key.split("\n")[1]);
  });
});

it("says everything that is wrong at once", () => {
  const files = write({ ...company({ authority: false, notAfter: NOW - 1000 }), key: other.key });
  expect(() => readGivenFiles(files, NOW)).toThrow(/do not match(.|\n)*CA:TRUE(.|\n)*expired/);
});
