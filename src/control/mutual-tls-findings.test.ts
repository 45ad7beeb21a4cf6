import { describe, expect, it } from "vitest";
import { translate } from "./translate.ts";
import { validate } from "./validate.ts";

const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tcp, port: 81 }]
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { app: web, version: v1 } }
spec: { containers: [{ name: web, image: web }] }
`;

function rule(host: string, mode: string, more = ""): string {
  return `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: rule, namespace: shop }
spec:
  host: "${host}"
  trafficPolicy: { tls: { mode: ${mode}${more} } }
`;
}

function peers(namespace: string, spec: string, name = "peers"): string {
  return `---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;
}

const STRICT = "{ mtls: { mode: STRICT } }";
const DISABLE = "{ mtls: { mode: DISABLE } }";
const OFF = `---
apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: { name: mesh }
spec: { enableAutoMtls: false }
`;
const CA = ", caCertificates: /ca";

function findings(text: string) {
  const mesh = translate([{ file: "mesh.yaml", text: SHOP + text }]);
  expect(mesh.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return validate(mesh).filter(({ code }) => /KIA0|OUT0309/.test(code));
}

const STRICT_PORT =
  '{ selector: { matchLabels: { app: web } }, portLevelMtls: { "8080": { mode: STRICT } } }';

describe("a DestinationRule that the pods' PeerAuthentication contradicts", () => {
  it.each([
    { code: "KIA0207", text: peers("shop", STRICT) + rule("*.shop.svc.cluster.local", "DISABLE") },
    { code: "KIA0208", text: peers("istio-system", STRICT) + rule("*.local", "DISABLE") },
    {
      code: "KIA0206",
      text: peers("shop", DISABLE) + rule("*.shop.svc.cluster.local", "ISTIO_MUTUAL"),
    },
    { code: "KIA0205", text: peers("istio-system", DISABLE) + rule("*.local", "ISTIO_MUTUAL") },
    { code: "OUT0309", text: peers("shop", STRICT) + rule("web", "DISABLE") },
    { code: "OUT0309", text: peers("shop", STRICT) + rule("web", "SIMPLE", CA) },
    { code: "OUT0309", text: peers("shop", DISABLE) + rule("web", "ISTIO_MUTUAL") },
    {
      code: "OUT0309",
      text: peers("shop", STRICT_PORT) + rule("web", "DISABLE"),
    },
  ])("is found at its mode, and the hint names the other's line: $code", ({ code, text }) => {
    const [found, ...others] = findings(text);
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      code,
      severity: "warning",
      subject: "DestinationRule shop/rule",
    });
    const lines = (SHOP + text).split("\n");
    const line = lines.findIndex((each) => each.includes("trafficPolicy: { tls")) + 1;
    expect(found?.position).toMatchObject({ file: "mesh.yaml", line });
    expect(found?.hint).toMatch(/^PeerAuthentication \S+\/peers \(mesh.yaml:\d+\) says so/);
  });

  it.each([
    { what: "nothing is said of the pods", text: rule("web", "ISTIO_MUTUAL") },
    { what: "both are taken", text: peers("shop", "{}") + rule("*.local", "DISABLE") },
    { what: "both say mTLS", text: peers("shop", STRICT) + rule("web", "ISTIO_MUTUAL") },
    { what: "both say plaintext", text: peers("shop", DISABLE) + rule("web", "DISABLE") },
    {
      what: "it is for another port",
      text:
        peers("shop", STRICT_PORT) +
        `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: rule, namespace: shop }
spec:
  host: web
  trafficPolicy: { portLevelSettings: [{ port: { number: 81 }, tls: { mode: DISABLE } }] }
`,
    },
  ])("is none where $what", ({ text }) => expect(findings(text)).toEqual([]));
});

describe("a mesh without automatic mTLS", () => {
  it.each([
    { code: "KIA0401", text: peers("istio-system", STRICT) },
    { code: "KIA0501", text: peers("shop", STRICT) },
    { code: "KIA0506", text: peers("istio-system", DISABLE) + rule("*.local", "ISTIO_MUTUAL") },
    { code: "KIA0505", text: peers("shop", DISABLE) + rule("*.local", "ISTIO_MUTUAL") },
  ])("misses the rule that tells clients: $code", ({ code, text }) => {
    expect(findings(text + OFF).map((found) => found.code)).toContain(code);
    expect(findings(text).map((found) => found.code)).not.toContain(code);
  });

  it.each([
    { what: "the rule is there", text: peers("shop", STRICT) + rule("*.local", "ISTIO_MUTUAL") },
    { what: "nobody asks for mTLS", text: peers("shop", DISABLE) },
  ])("misses nothing where $what", ({ text }) => expect(findings(text + OFF)).toEqual([]));
});

describe("selectors of PeerAuthentications", () => {
  const selecting = (label: string, name: string) =>
    peers("shop", `{ selector: { matchLabels: { ${label} } } }`, name);

  it("that select nobody are found", () => {
    expect(findings(selecting("app: nobody", "a"))).toMatchObject([
      { code: "KIA0004", subject: "PeerAuthentication shop/a" },
    ]);
  });

  it("that share a pod are found, and the loser learns whose holds", () => {
    const text = selecting("app: web", "b") + selecting("version: v1", "a");
    const hints = findings(text).map(({ code, subject, hint }) => `${code} ${subject}: ${hint}`);
    expect(hints).toEqual([
      expect.stringMatching(
        /^KIA0003 PeerAuthentication shop\/b: PeerAuthentication shop\/a .* hol/,
      ),
      expect.stringMatching(/^KIA0003 PeerAuthentication shop\/a: this one holds/),
    ]);
  });
});
