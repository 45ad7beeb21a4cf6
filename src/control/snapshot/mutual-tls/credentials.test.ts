import { describe, expect, it } from "vitest";
import { meshedPods, meshOf, sidecarNode, snapshotOf } from "../../../../test/support/mesh.ts";
import type { Pod } from "../../../model/mesh.ts";
import { translate } from "../../translate.ts";
import { validate } from "../../validate.ts";

const PEM = (label: string, text: string): string =>
  `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`;
const base64 = (text: string): string => Buffer.from(text).toString("base64");

const MESH = `
apiVersion: v1
kind: Pod
metadata: { name: client, namespace: shop, labels: { app: client } }
spec: { containers: [{ name: client, image: client }] }
---
apiVersion: v1
kind: Pod
metadata: { name: other, namespace: shop, labels: { app: other } }
spec: { containers: [{ name: other, image: other }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside, namespace: shop }
spec:
  hosts: [api.example]
  ports: [{ number: 443, name: http, protocol: HTTP }]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: outside, namespace: shop }
spec:
  host: api.example
  workloadSelector: { matchLabels: { app: client } }
  trafficPolicy: { tls: { mode: MUTUAL, credentialName: outside } }
`;

function secret(namespace: string, data: Readonly<Record<string, string>>): string {
  return `---
apiVersion: v1
kind: Secret
metadata: { name: outside, namespace: ${namespace} }
type: Opaque
data: ${JSON.stringify(data)}
`;
}

const DATA = {
  "tls.crt": base64(PEM("CERTIFICATE", "the certificate")),
  "tls.key": base64(PEM("EC PRIVATE KEY", "the key")),
  "ca.crt": base64(PEM("CERTIFICATE", "the authority")),
};

function secretsOf(text: string, name: string, pods = (all: readonly Pod[]) => all) {
  const mesh = meshOf(MESH + text);
  const node = sidecarNode(
    { name, address: "10.44.0.2" },
    { namespace: "shop", identity: true, labels: { app: "client" } },
  );
  const { clusters, secrets } = snapshotOf(mesh, pods(meshedPods(mesh)), node);
  const tls = clusters.find((cluster) => cluster.name === "outbound|443||api.example")?.tls;
  return { tls, secrets };
}

describe("a Kubernetes Secret that a DestinationRule names", () => {
  it("is given to the pods that the rule selects, under Istio's names", () => {
    const { tls, secrets } = secretsOf(secret("shop", DATA), "client-0");
    const source = { kind: "ads" };
    expect(tls).toMatchObject({
      certificates: [],
      certificateSecrets: [{ name: "kubernetes://outside", source }],
      validationSecret: { name: "kubernetes://outside-cacert", source },
      validation: { sans: [{ match: { value: "api.example" } }] },
    });
    const inline = (label: string, text: string) => ({ kind: "inline", text: PEM(label, text) });
    expect(secrets).toMatchObject([
      {
        kind: "certificate",
        name: "kubernetes://outside",
        certificate: {
          certificateChain: inline("CERTIFICATE", "the certificate"),
          privateKey: inline("EC PRIVATE KEY", "the key"),
        },
      },
      {
        kind: "validation",
        name: "kubernetes://outside-cacert",
        validation: { trustedCa: inline("CERTIFICATE", "the authority") },
      },
    ]);
  });

  it("is given to nobody else of the namespace, nor to who only says that it is selected", () => {
    expect(secretsOf(secret("shop", DATA), "other-0").secrets).toEqual([]);
    expect(secretsOf(secret("shop", DATA), "nobody").secrets).toEqual([]);
  });

  it("is taken from the rule's own namespace alone", () => {
    expect(secretsOf(secret("elsewhere", DATA), "client-0").secrets).toEqual([]);
  });

  it("makes another version when it changes", () => {
    const version = (data: Readonly<Record<string, string>>): string => {
      const mesh = meshOf(MESH + secret("shop", data));
      const node = sidecarNode({ name: "client-0", address: "" }, { namespace: "shop" });
      return snapshotOf(mesh, meshedPods(mesh), node).version;
    };
    const renewed = { ...DATA, "tls.crt": base64(PEM("CERTIFICATE", "another")) };
    expect(version(renewed)).not.toBe(version(DATA));
    expect(version(DATA)).toBe(version({ ...DATA }));
  });
});

describe("what is said of Secrets", () => {
  function findings(text: string) {
    const mesh = translate([{ file: "mesh.yaml", text: MESH + text }]);
    return [...mesh.diagnostics, ...validate(mesh)];
  }

  it("never shows what is in them", () => {
    const found = findings(
      secret("shop", { "tls.crt": base64("the words"), "tls.key": "not base64!", "ca.crt": "" }),
    );
    const said = JSON.stringify(found.filter(({ subject }) => subject === "Secret shop/outside"));
    expect(said).toContain("tls.crt is no base64 of PEM");
    expect(said).toContain("tls.key is no base64 of PEM");
    expect(said).not.toMatch(/the words|dGhlIHdvcmRz|not base64!/);
  });

  it("names the half that is missing, and the Secret that is", () => {
    const { "tls.key": _, ...half } = DATA;
    expect(findings(secret("shop", half))).toMatchObject([{ message: "tls.key is missing" }]);
    expect(findings("")).toMatchObject([
      { code: "IST0101", message: 'Referenced credentialName not found: "outside"' },
    ]);
  });

  it("is nothing where one holds no certificates", () => {
    expect(findings(secret("shop", DATA) + secret("x", { password: base64("x") }))).toEqual([]);
  });
});
