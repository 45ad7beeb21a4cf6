import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestAuthority } from "../../../test/support/certificates.ts";
import { TEST_IDENTITY, TinyAuthority } from "../../../test/support/tiny-authority.ts";
import { systemClock, VirtualClock } from "../../base/clock.ts";
import { makeCertificateRequest } from "../../identity/issuing/certificate-request.ts";
import { socketAddress } from "../../model/address.ts";
import {
  type AskCertificate,
  askAuthority,
  type CertificateQuestion,
  Refused,
} from "./certificate-client.ts";

const HOUR_MS = 3_600_000;
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });

let authority: TinyAuthority;

beforeEach(async () => {
  authority = await TinyAuthority.create();
  await authority.start();
});

afterEach(async () => {
  await authority.stop();
});

function asking(name?: string): AskCertificate {
  return askAuthority({ address: authority.address, name }, systemClock);
}

function question(more: Partial<CertificateQuestion> = {}): CertificateQuestion {
  return {
    csr: makeCertificateRequest(privateKey),
    lifetimeMs: HOUR_MS,
    credential: { kind: "token", token: "a token" },
    roots: authority.bundle,
    ...more,
  };
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not fail");
}

describe("an authority that the roots vouch for", () => {
  it("is shown the token, and certifies the key", async () => {
    const [leaf = "", roots] = await asking()(question());
    expect(authority.asked).toEqual([{ token: "a token", clientSerial: "", lifetimeS: 3600 }]);
    expect(new X509Certificate(leaf).checkPrivateKey(privateKey)).toBe(true);
    expect(new X509Certificate(leaf).subjectAltName).toBe(`URI:${TEST_IDENTITY}`);
    expect(roots).toBe(authority.bundle);
  });

  it("is shown the certificate, and then no token", async () => {
    const [chain = ""] = await asking()(question());
    const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    await asking()(question({ credential: { kind: "certificate", chain, key } }));
    const { serialNumber } = new X509Certificate(chain);
    expect(authority.asked[1]).toMatchObject({ token: "", clientSerial: serialNumber });
  });

  it("may be known by another name than its address", async () => {
    await asking("istiod.istio-system.svc")(question());
    expect(authority.asked).toHaveLength(1);
  });

  it("that does not believe the credential refuses", async () => {
    authority.misbehaviour = "refuses";
    const refused = await failure(asking()(question()));
    expect(refused).toBeInstanceOf(Refused);
    expect(refused.message).toBe("who are you?");
  });

  it("that fails otherwise has not refused", async () => {
    authority.misbehaviour = "is unavailable";
    const failed = await failure(asking()(question()));
    expect(failed).not.toBeInstanceOf(Refused);
    expect(failed.message).toBe("not now");
  });

  it("is given ten seconds", async () => {
    authority.misbehaviour = "answers nothing";
    const clock = new VirtualClock();
    const answer = failure(
      askAuthority({ address: authority.address, name: undefined }, clock)(question()),
    );
    await expect.poll(() => authority.asked.length).toBe(1);
    clock.advance(10_000);
    expect((await answer).message).toBe("no answer within 10 s");
  });
});

describe("nothing is shown to", () => {
  it("an authority that others vouch for", async () => {
    const { pem } = await TestAuthority.create("others");
    const failed = await failure(asking()(question({ roots: pem })));
    expect(failed.message).toMatch(/unable to verify|self-signed certificate/);
    expect(authority.asked).toEqual([]);
  });

  it("a server of another name", async () => {
    const failed = await failure(asking("ca.example")(question()));
    expect(failed.message).toContain("its certificate is not one for ca.example");
    expect(authority.asked).toEqual([]);
  });

  it("a workload that the same roots vouch for", async () => {
    const uri = { type: "url", value: "spiffe://cluster.local/ns/a/sa/b" } as const;
    authority.serverNames = [uri];
    await authority.stop();
    await authority.start();
    const failed = await failure(asking()(question()));
    expect(failed.message).toContain("its certificate is not one for 127.0.0.1");
    expect(authority.asked).toEqual([]);
  });
});

it("an address where nobody listens is told as it is", async () => {
  await authority.stop();
  const failed = await failure(asking()(question()));
  expect(failed.message).toContain("ECONNREFUSED");
});

it("an address may be a host's name", async () => {
  const address = socketAddress("localhost", authority.address.port);
  authority.serverNames = [{ type: "dns", value: "localhost" }];
  await authority.stop();
  await authority.start();
  await askAuthority({ address, name: undefined }, systemClock)(question());
  expect(authority.asked).toHaveLength(1);
});
