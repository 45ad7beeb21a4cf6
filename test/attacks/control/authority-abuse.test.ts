/** What a caller tries to talk the mesh's authority into: attacks of row 106. */
import "reflect-metadata";
import { generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as PeculiarCertificate,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from "@peculiar/x509";
import { describe, expect, it } from "vitest";
import { pemOf } from "../../../src/identity/der/pem.ts";
import { CONTEXT, NULL } from "../../../src/identity/der/reader.ts";
import {
  bitString,
  element,
  integer,
  objectIdentifier,
  sequence,
} from "../../../src/identity/der/writer.ts";
import { readSubjectAltNames } from "../../../src/identity/subject-alt-names.ts";
import { authorityScene } from "../../support/authority-scene.ts";

const EVIL = { namespace: "shop", serviceAccount: "evil" };
const EVIL_ID = "spiffe://cluster.local/ns/shop/sa/evil";
const ADMIN_ID = "spiffe://cluster.local/ns/kube-system/sa/admin";
const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A request with what an attacker would like to have, properly signed. */
async function requestWith(name: string, extensions: Extension[]): Promise<string> {
  const keys = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const options = { name, keys, signingAlgorithm: ECDSA, extensions };
  const request = await Pkcs10CertificateRequestGenerator.create(
    options as Parameters<typeof Pkcs10CertificateRequestGenerator.create>[0],
  );
  return request.toString("pem");
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing",
    (error: unknown) => Code[ConnectError.from(error).code],
  );
}

describe("a request", () => {
  it.each<[string, string, Extension[]]>([
    [
      "another's SPIFFE ID",
      "",
      [new SubjectAlternativeNameExtension([{ type: "url", value: ADMIN_ID }])],
    ],
    [
      "a second name beside its own",
      "",
      [
        new SubjectAlternativeNameExtension([
          { type: "url", value: EVIL_ID },
          { type: "dns", value: "istiod.istio-system.svc" },
        ]),
      ],
    ],
    ["CA:TRUE", "", [new BasicConstraintsExtension(true, 5, true)]],
    ["leave to sign", "", [new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true)]],
    ["other purposes", "", [new ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.3"])]],
    ["another's subject", `CN=${ADMIN_ID}, O=system:masters`, []],
  ])("for %s gets what its caller is, and nothing more", async (_what, name, extensions) => {
    const scene = await authorityScene();
    const csr = await requestWith(name, extensions);
    const { leaf } = await scene.ask({ csr, token: scene.control.joinToken(EVIL) });
    expect(readSubjectAltNames(leaf.raw)).toEqual({ dns: [], uri: [EVIL_ID], email: [], ip: [] });
    expect(leaf.ca).toBe(false);
    expect(leaf.subject).toBeFalsy();
    const usages = new PeculiarCertificate(leaf.raw).getExtension(KeyUsagesExtension)?.usages;
    expect(usages).toBe(KeyUsageFlags.digitalSignature);
    expect(leaf.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  });

  it("with RSA of 512 bits is refused, and the token goes on", async () => {
    const scene = await authorityScene();
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 512 });
    const spki = publicKey.export({ type: "spki", format: "der" });
    const info = sequence(integer(0), sequence(), spki, element(CONTEXT));
    const algorithm = sequence(objectIdentifier("1.2.840.113549.1.1.11"), element(NULL));
    const signature = bitString(sign("sha256", info, privateKey));
    const csr = pemOf("CERTIFICATE REQUEST", sequence(info, algorithm, signature));
    const token = scene.control.joinToken(EVIL);
    expect(await codeOf(scene.ask({ csr, token }))).toBe("InvalidArgument");
    await expect(scene.ask({ token })).resolves.toBeDefined();
  });

  it("with a megabyte is refused", async () => {
    const scene = await authorityScene();
    const token = scene.control.joinToken(EVIL);
    expect(await codeOf(scene.ask({ csr: "x".repeat(1_000_000), token }))).toBe("InvalidArgument");
  });

  it("for a certificate beyond the authority's own end gets one that ends with it", async () => {
    const year = 365 * 86_400;
    const scene = await authorityScene({
      validityMaxMs: year * 1000,
      rootLifetimeMs: 86_400_000,
    });
    const token = scene.control.joinToken(EVIL);
    const { leaf, chain } = await scene.ask({ token, validitySeconds: year });
    const root = new X509Certificate(chain.at(-1) ?? "");
    expect(leaf.validToDate).toEqual(root.validToDate);
  });
});

describe("a token", () => {
  it("that was replayed or has run out gets nothing", async () => {
    const scene = await authorityScene();
    const used = scene.control.joinToken(EVIL);
    await scene.ask({ token: used });
    expect(await codeOf(scene.ask({ token: used }))).toBe("Unauthenticated");
    const late = scene.control.joinToken(EVIL, 1000);
    scene.clock.advance(1000);
    expect(await codeOf(scene.ask({ token: late }))).toBe("Unauthenticated");
    expect(scene.audit.slice(1)).toMatchObject([
      { event: "certificate_refused", reason: "bad_token" },
      { event: "certificate_refused", reason: "expired_token" },
    ]);
  });
});
