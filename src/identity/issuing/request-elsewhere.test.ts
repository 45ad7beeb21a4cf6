import "reflect-metadata";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { Pkcs10CertificateRequest } from "@peculiar/x509";
import { expect, it } from "vitest";
import { describeWith, tool } from "../../../test/support/tools.ts";
import { makeCertificateRequest } from "./certificate-request.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const SPKI = publicKey.export({ type: "spki", format: "der" });

it("is a request that another library reads: key, no name, good signature", async () => {
  const request = new Pkcs10CertificateRequest(makeCertificateRequest(privateKey));
  expect(await request.verify()).toBe(true);
  expect(Buffer.from(request.publicKey.rawData)).toEqual(SPKI);
  expect(request.subject).toBe("");
  expect(request.attributes).toEqual([]);
});

describeWith(["openssl"], "to openssl", () => {
  it("is a request whose signature is good", () => {
    const input = makeCertificateRequest(privateKey);
    const args = ["req", "-noout", "-verify", "-text"];
    const text = execFileSync(tool("openssl"), args, { input, stdio: "pipe" }).toString();
    expect(text).toContain("ASN1 OID: prime256v1");
  });
});
