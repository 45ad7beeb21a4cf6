import { expect, it } from "vitest";
import { TestAuthority } from "../../../test/support/certificates.ts";
import { assignment, edsCluster } from "../../../test/support/sample-snapshot.ts";
import { NO_VALIDATION, type UpstreamTls } from "../../model/transport/tls.ts";
import { whyUnusable } from "./usable.ts";

const OWN = { port: 15_000, except: new Set(["stats"]) };

function tlsWith(chain: string, key: string): UpstreamTls {
  return {
    certificates: [
      {
        certificateChain: { kind: "inline", text: chain },
        privateKey: { kind: "inline", text: key },
      },
    ],
    validation: NO_VALIDATION,
    alpnProtocols: [],
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    cipherSuites: [],
    ecdhCurves: [],
    sni: "",
    maxSessionKeys: 1,
  };
}

function why(tls: UpstreamTls): string {
  return whyUnusable("cluster", new Map([["a", edsCluster("a", { tls })]]), OWN);
}

it("refuses a certificate with another's key, and text that is neither", async () => {
  const authority = await TestAuthority.create();
  const [one, other] = [await authority.issue({}), await authority.issue({})];
  expect(why(tlsWith(one.chain, one.key))).toBe("");
  expect(why(tlsWith(one.chain, other.key))).toMatch(
    /^cluster a: tls_certificates\[0\]\.private_key: .*is not the key of/,
  );
  expect(why(tlsWith("text", "text"))).toMatch(/certificate_chain: .*\n.*private_key: /);
});

it("refuses endpoints that are the proxy's own admin server", () => {
  const told = (name: string, port: number): string =>
    whyUnusable("endpoint", new Map([[name, assignment(name, [80, port])]]), OWN);
  expect(told("a", 15_000)).toBe("a: 127.0.0.1:15000 is this proxy's own admin server");
  expect(told("a", 15_001)).toBe("");
  const cluster = (name: string): string => {
    const loadAssignment = assignment(name, [15_000]);
    return whyUnusable("cluster", new Map([[name, edsCluster(name, { loadAssignment })]]), OWN);
  };
  expect([cluster("a") === "", cluster("stats")]).toEqual([false, ""]);
});
