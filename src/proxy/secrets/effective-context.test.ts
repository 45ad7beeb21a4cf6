import { describe, expect, it } from "vitest";
import { downstreamTls } from "../../../test/support/tls-scene.ts";
import type { Secret, SecretRef } from "../../model/transport/secret.ts";
import { NO_VALIDATION, type TlsValidation } from "../../model/transport/tls.ts";
import { withSecrets } from "./effective-context.ts";
import { secretKey } from "./secret-key.ts";

const OWN: SecretRef = { name: "default", source: { kind: "cluster", cluster: "sds-grpc" } };
const ROOT: SecretRef = { name: "ROOTCA", source: { kind: "ads" } };
const PAIR = {
  certificateChain: { kind: "inline", text: "chain" },
  privateKey: { kind: "inline", text: "key" },
} as const;
const CA = { kind: "inline", text: "ca" } as const;
const OTHER_CA = { kind: "inline", text: "other ca" } as const;
const SAN = {
  san: "uri",
  match: { kind: "exact", value: "spiffe://a", ignoreCase: false },
} as const;

function known(...secrets: readonly (readonly [SecretRef, Secret])[]): Map<string, Secret> {
  return new Map(secrets.map(([ref, secret]) => [secretKey(ref), secret]));
}

const certificate: Secret = { kind: "certificate", name: "default", certificate: PAIR };

function believing(validation: Partial<TlsValidation>): Secret {
  return { kind: "validation", name: "ROOTCA", validation: { ...NO_VALIDATION, ...validation } };
}

describe("a TLS context with secrets", () => {
  const config = downstreamTls({ certificateSecrets: [OWN], validationSecret: ROOT });

  it("waits until all of them are there", () => {
    expect(withSecrets(config, known([OWN, certificate]))).toBeUndefined();
    const both = known([OWN, certificate], [ROOT, believing({ trustedCa: CA })]);
    expect(withSecrets(config, both)).toMatchObject({
      certificates: [PAIR],
      validation: { trustedCa: CA },
    });
  });

  it("takes none of the same name from another source", () => {
    const elsewhere: SecretRef = { name: "default", source: { kind: "file", path: "/x" } };
    const secrets = known([elsewhere, certificate], [ROOT, believing({ trustedCa: CA })]);
    expect(withSecrets(config, secrets)).toBeUndefined();
  });

  it("never waits for a static one, which is there from the beginning or never", () => {
    const own: SecretRef = { name: "mine", source: { kind: "static" } };
    const static_ = downstreamTls({ certificateSecrets: [own] });
    expect(() => withSecrets(static_, new Map())).toThrow("Unknown static secret: mine");
  });

  it("refuses one that is of another kind than asked for", () => {
    const secrets = known([OWN, believing({})], [ROOT, believing({})]);
    expect(() => withSecrets(config, secrets)).toThrow("secret default is no tls_certificate");
  });
});

describe("whom a combined context believes", () => {
  function combined(usual: Partial<TlsValidation>, secret: Partial<TlsValidation>) {
    const validation = { ...NO_VALIDATION, ...usual };
    const config = downstreamTls({ validation, validationSecret: ROOT });
    return withSecrets(config, known([ROOT, believing(secret)]))?.validation;
  }

  it("has the names of both", () => {
    expect(combined({ sans: [SAN] }, { trustedCa: CA, sans: [SAN] })?.sans).toEqual([SAN, SAN]);
  });

  it("has the secret's authority, or else its own", () => {
    expect(combined({ trustedCa: CA }, { trustedCa: OTHER_CA })?.trustedCa).toBe(OTHER_CA);
    expect(combined({ trustedCa: CA }, {})?.trustedCa).toBe(CA);
  });

  it("has the secret's trust domains", () => {
    const trustDomains = [{ name: "td", bundle: CA }];
    expect(combined({}, { trustDomains })?.trustDomains).toBe(trustDomains);
  });

  it("compares no names that nobody vouches for", () => {
    expect(() => combined({ sans: [SAN] }, {})).toThrow("no trusted_ca");
  });
});
