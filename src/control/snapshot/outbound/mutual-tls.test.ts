import { describe, expect, it } from "vitest";
import {
  meshedPods,
  meshOf,
  podsOfMesh,
  sidecarNode,
  snapshotOf,
} from "../../../../test/support/mesh.ts";
import type { Cluster } from "../../../model/cluster.ts";
import type { Endpoint } from "../../../model/endpoint.ts";
import type { Pod } from "../../../model/mesh.ts";

const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports:
    - { name: http, port: 80, targetPort: 8080 }
    - { name: grpc, port: 82, targetPort: 8082 }
    - { name: tcp-raw, port: 81, targetPort: 8081 }
    - { name: any, port: 83, targetPort: 8083 }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { app: web, version: v1 } }
spec: { serviceAccountName: web, containers: [{ name: web, image: web }] }
---
apiVersion: v1
kind: Pod
metadata: { name: other, namespace: shop, labels: { app: web, version: v2 } }
spec: { containers: [{ name: web, image: web }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside, namespace: shop }
spec:
  hosts: [api.example]
  ports: [{ number: 443, name: http, protocol: HTTP }]
  resolution: DNS
  location: MESH_EXTERNAL
`;

function rule(traffic: string): string {
  const head = "apiVersion: networking.istio.io/v1\nkind: DestinationRule";
  return `---\n${head}\nmetadata: { name: web, namespace: shop }\nspec: ${traffic}\n`;
}

function peers(spec: string): string {
  const head = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication";
  return `---\n${head}\nmetadata: { name: peers, namespace: shop }\nspec: ${spec}\n`;
}

interface Asked {
  readonly more?: string;
  readonly identity?: boolean;
  /** False: an Envoy asks. */
  readonly outrigger?: boolean;
  /** Pods, by default with certificates. */
  readonly pods?: (pods: readonly Pod[]) => readonly Pod[];
}

function snapshot({
  more = "",
  identity = true,
  outrigger = true,
  pods = (all) => all,
}: Asked = {}) {
  const mesh = meshOf(SHOP + more);
  const node = sidecarNode(
    { name: "client", address: "10.44.1.1" },
    { namespace: "shop", identity },
  );
  const asking = { ...node, userAgentName: outrigger ? node.userAgentName : "envoy" };
  return snapshotOf(mesh, pods(meshedPods(mesh)), asking);
}

const HOST = "web.shop.svc.cluster.local";

function clusterOf(asked: Asked, port = 80, host = HOST): Cluster | undefined {
  return snapshot(asked).clusters.find(({ name }) => name === `outbound|${port}||${host}`);
}

function endpointsOf(asked: Asked, port = 80): readonly Endpoint[] {
  const name = `outbound|${port}||${HOST}`;
  const found = snapshot(asked).endpoints.find(({ clusterName }) => clusterName === name);
  return (found?.localities ?? []).flatMap(({ endpoints }) => endpoints);
}

describe("auto mTLS", () => {
  it("is chosen by each endpoint: those with certificates get it, the others are plain", () => {
    const cluster = clusterOf({});
    expect(cluster?.tls).toBeUndefined();
    expect(cluster?.transportSocketMatches).toMatchObject([
      { name: "tlsMode-istio", match: { tlsMode: "istio" } },
      { name: "tlsMode-disabled", match: {}, tls: undefined },
    ]);
    const half = (pods: readonly Pod[]): readonly Pod[] =>
      pods.map((pod) => (pod.name === "other-0" ? { ...pod, hasIdentity: false } : pod));
    const marks = endpointsOf({ pods: half }).map((each) => each.transportSocketMatch);
    expect(marks).toEqual([{ tlsMode: "istio" }, undefined]);
  });

  it("shows this pod's certificate and wants one of the service's accounts", () => {
    const tls = clusterOf({})?.transportSocketMatches?.[0]?.tls;
    const source = { kind: "cluster", cluster: "sds-grpc" };
    expect(tls).toMatchObject({
      sni: `outbound_.80_._.${HOST}`,
      certificateSecrets: [{ name: "default", source }],
      validationSecret: { name: "ROOTCA", source },
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.3",
    });
    expect(tls?.validation?.sans.map(({ match }) => `${match.kind} ${match.value}`)).toEqual([
      "exact spiffe://cluster.local/ns/shop/sa/default",
      "exact spiffe://cluster.local/ns/shop/sa/web",
    ]);
  });

  it.each([
    [80, ["istio-http/1.1", "istio", "http/1.1"]],
    [82, ["istio-h2", "istio", "h2"]],
    [81, ["istio-peer-exchange", "istio"]],
    [83, ["istio-peer-exchange", "istio"]],
  ])("offers port %i by Istio's ids: %j", (port, alpn) => {
    expect(clusterOf({}, port)?.transportSocketMatches?.[0]?.tls?.alpnProtocols).toEqual(alpn);
  });

  it("knows pods by Istio's label, and a WorkloadEntry by its own", () => {
    const labelled = (pods: readonly Pod[]): readonly Pod[] =>
      pods.map(({ hasIdentity: _, ...pod }) => ({
        ...pod,
        labels: { ...pod.labels, "security.istio.io/tlsMode": "istio" },
      }));
    const marks = endpointsOf({ pods: labelled }).map((each) => each.transportSocketMatch);
    expect(marks).toEqual([{ tlsMode: "istio" }, { tlsMode: "istio" }]);
  });

  it("leaves alone what takes plaintext alone, by port", () => {
    const spec = `{ selector: { matchLabels: { app: web } },
      portLevelMtls: { "8080": { mode: DISABLE } } }`;
    const more = peers(spec);
    expect(endpointsOf({ more }).map((each) => each.transportSocketMatch)).toEqual([
      undefined,
      undefined,
    ]);
    expect(endpointsOf({ more }, 82)[0]?.transportSocketMatch).toEqual({ tlsMode: "istio" });
  });

  it("leaves alone ports that annotations let past the sidecar, whatever policies say", () => {
    const past = (annotations: Pod["annotations"]) => ({
      more: peers("{ mtls: { mode: STRICT } }"),
      pods: (pods: readonly Pod[]) => pods.map((pod) => ({ ...pod, annotations })),
    });
    const mark = (asked: Asked, port: number) => endpointsOf(asked, port)[0];
    for (const annotations of [
      { "traffic.sidecar.istio.io/excludeInboundPorts": "8080" },
      { "traffic.sidecar.istio.io/includeInboundPorts": "8082" },
      { "config.linkerd.io/skip-inbound-ports": "8000-8080" },
    ]) {
      const open = mark(past(annotations), 80);
      expect(open?.transportSocketMatch).toBeUndefined();
      expect(open?.unreachable).toBeUndefined();
      expect(mark(past(annotations), 82)?.transportSocketMatch).toEqual({ tlsMode: "istio" });
    }
  });

  it.each([
    { what: "a client without a certificate", asked: { identity: false }, host: HOST, port: 80 },
    { what: "a host outside the mesh", asked: {}, host: "api.example", port: 443 },
    {
      what: "a mesh that has it off",
      asked: {
        more: `---
apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: { name: mesh }
spec: { enableAutoMtls: false }
`,
      },
      host: HOST,
      port: 80,
    },
  ])("is not for $what", ({ asked, host, port }) => {
    const cluster = clusterOf(asked, port, host);
    expect(cluster).toMatchObject({ tls: undefined });
    expect(cluster?.transportSocketMatches).toBeUndefined();
  });

  it("reaches headless services by mTLS where all their pods take it", () => {
    const more = `---
apiVersion: v1
kind: Service
metadata: { name: each, namespace: shop }
spec: { clusterIP: None, selector: { app: web }, ports: [{ name: tcp, port: 90 }] }
`;
    const host = "each.shop.svc.cluster.local";
    expect(clusterOf({ more }, 90, host)).toMatchObject({
      discovery: "originalDst",
      tls: { sni: `outbound_.90_._.${host}` },
    });
    const some = (pods: readonly Pod[]): readonly Pod[] =>
      pods.map((pod, index) => ({ ...pod, hasIdentity: index === 0 }));
    expect(clusterOf({ more, pods: some }, 90, host)?.tls).toBeUndefined();
  });

  it("keeps to the mesh's lowest version, and to its trust domain's other names", () => {
    const more = `---
apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: { name: mesh }
spec: { trustDomainAliases: [old.example], meshMTLS: { minProtocolVersion: TLSV1_3 } }
`;
    const tls = clusterOf({ more })?.transportSocketMatches?.[0]?.tls;
    expect(tls?.minVersion).toBe("TLSv1.3");
    expect(tls?.validation?.sans.map(({ match }) => match.value)).toContain(
      "spiffe://old.example/ns/shop/sa/web",
    );
  });
});

describe("a DestinationRule's tls", () => {
  const tls = (block: string): Asked => ({
    more: rule(`{ host: web, trafficPolicy: { tls: ${block} } }`),
  });

  it("DISABLE is plaintext whatever endpoints take", () => {
    const cluster = clusterOf(tls("{ mode: DISABLE }"));
    expect(cluster).toMatchObject({ tls: undefined });
    expect(cluster?.transportSocketMatches).toBeUndefined();
  });

  it("ISTIO_MUTUAL is mTLS whatever endpoints take, under the names that it gives", () => {
    expect(clusterOf(tls("{ mode: ISTIO_MUTUAL, sni: a.b, subjectAltNames: [x] }"))).toMatchObject({
      tls: {
        sni: "a.b",
        certificateSecrets: [{ name: "default" }],
        validation: { sans: [{ san: "dns", match: { kind: "exact", value: "x" } }] },
      },
    });
  });

  it("SIMPLE verifies the host by the machine's authorities", () => {
    expect(clusterOf(tls("{ mode: SIMPLE }"))).toMatchObject({
      tls: {
        sni: HOST,
        certificates: [],
        alpnProtocols: [],
        validation: {
          trustedCa: { kind: "file", path: "/etc/ssl/certs/ca-certificates.crt" },
          sans: [{ san: "dns", match: { value: HOST } }],
        },
      },
    });
  });

  it("SIMPLE verifies nobody where it says so", () => {
    expect(clusterOf(tls("{ mode: SIMPLE, insecureSkipVerify: true }"))?.tls?.validation).toBe(
      undefined,
    );
  });

  it("MUTUAL shows a certificate of files, to the port and subset that it is for", () => {
    const more = rule(
      `
      host: web
      trafficPolicy: { tls: { mode: ISTIO_MUTUAL } }
      subsets:
        - name: v1
          labels: { version: v1 }
          trafficPolicy:
            portLevelSettings:
              - port: { number: 82 }
                tls:
                  mode: MUTUAL
                  clientCertificate: /c
                  privateKey: /k
                  caCertificates: /a
                  caCrl: /r
`.replaceAll("\n      ", "\n  "),
    );
    const { clusters } = snapshot({ more });
    const at = (name: string) => clusters.find((cluster) => cluster.name === name)?.tls;
    const file = (path: string) => ({ kind: "file", path });
    expect(at(`outbound|82|v1|${HOST}`)).toMatchObject({
      alpnProtocols: ["h2"],
      certificates: [{ certificateChain: file("/c"), privateKey: file("/k") }],
      validation: { trustedCa: file("/a"), crl: file("/r") },
    });
    expect(at(`outbound|80|v1|${HOST}`)).toMatchObject({ sni: `outbound_.80_.v1_.${HOST}` });
    expect(at(`outbound|82||${HOST}`)).toMatchObject({ sni: `outbound_.82_._.${HOST}` });
  });
});

describe("an endpoint that cannot take what this client would send", () => {
  const STRICT = peers("{ mtls: { mode: STRICT } }");
  const because = "PeerAuthentication shop/peers (mesh.yaml:";

  it.each([
    {
      what: "plaintext by a DestinationRule, under STRICT",
      asked: { more: STRICT + rule("{ host: web, trafficPolicy: { tls: { mode: DISABLE } } }") },
      why: new RegExp(
        String.raw`^PeerAuthentication shop/peers \(mesh.yaml:\d+\) asks for mTLS \(STRICT\), ` +
          String.raw`but DestinationRule shop/web \(mesh.yaml:\d+\) says DISABLE$`,
      ),
    },
    {
      what: "TLS without a certificate, under STRICT",
      asked: { more: STRICT + rule("{ host: web, trafficPolicy: { tls: { mode: SIMPLE } } }") },
      why: /STRICT\), but DestinationRule .* says SIMPLE, which shows no certificate$/,
    },
    {
      what: "plaintext of a client without certificate, under STRICT",
      asked: { more: STRICT, identity: false },
      why: /STRICT\), but this proxy has no certificate$/,
    },
    {
      what: "anything to a pod without certificate, under STRICT",
      asked: {
        more: STRICT,
        pods: (pods: readonly Pod[]) => pods.map((pod) => ({ ...pod, hasIdentity: false })),
      },
      why: /STRICT\), but the pod's sidecar has no certificate$/,
    },
    {
      what: "mTLS by a DestinationRule, under DISABLE",
      asked: {
        more:
          peers("{ mtls: { mode: DISABLE } }") +
          rule("{ host: web, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }"),
      },
      why: /^DestinationRule .* for ISTIO_MUTUAL, but PeerAuthentication .* takes plaintext alone/,
    },
    {
      what: "mTLS without a certificate of its own",
      asked: {
        more: rule("{ host: web, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }"),
        identity: false,
      },
      why: /^DestinationRule .* asks for ISTIO_MUTUAL, but this proxy has no certificate$/,
    },
  ])("says which policies are in the way: $what", ({ asked, why }) => {
    const [endpoint] = endpointsOf(asked);
    expect(endpoint?.unreachable).toMatch(why);
  });

  it("names the line of the mode itself", () => {
    const more = `${STRICT}${rule("{ host: web, trafficPolicy: { tls: { mode: DISABLE } } }")}`;
    const lines = (SHOP + more).split("\n");
    const at = lines.findIndex((line) => line.includes("mode: STRICT")) + 1;
    expect(endpointsOf({ more })[0]?.unreachable).toContain(`${because}${at})`);
  });

  it("is none where both sides agree", () => {
    for (const asked of [{}, { more: STRICT }, { identity: false }]) {
      expect(endpointsOf(asked).map(({ unreachable }) => unreachable)).toEqual([
        undefined,
        undefined,
      ]);
    }
  });
});

describe("ISTIO_MUTUAL without a certificate", () => {
  const asked = {
    more: rule("{ host: web, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }"),
    identity: false,
  };

  it("leads an Envoy, which does not know why an endpoint is out of reach, to none", () => {
    expect(endpointsOf({ ...asked, outrigger: false })).toEqual([]);
    expect(endpointsOf(asked)).toHaveLength(2);
  });

  it("is never plaintext where endpoints are whoever was called", () => {
    const more = `---
apiVersion: v1
kind: Service
metadata: { name: each, namespace: shop }
spec: { clusterIP: None, selector: { app: web }, ports: [{ name: tcp, port: 90 }] }
${asked.more.replace("host: web", "host: each")}`;
    const cluster = clusterOf({ ...asked, more }, 90, "each.shop.svc.cluster.local");
    expect(cluster?.discovery).toBe("originalDst");
    expect(cluster?.tls?.certificateSecrets).toMatchObject([{ name: "default" }]);
  });
});

describe("a mesh without certificates", () => {
  it("is told nothing of TLS", () => {
    const mesh = meshOf(SHOP);
    const node = sidecarNode({ name: "client", address: "10.44.1.1" }, { namespace: "shop" });
    const told = JSON.stringify(snapshotOf(mesh, podsOfMesh(mesh), node));
    expect(told).not.toMatch(/tlsMode|sds-grpc|unreachable/);
  });
});
