import { describe, expect, it } from "vitest";
import { meshedPods, meshOf, sidecarNode, snapshotOf } from "../../../../test/support/mesh.ts";
import type { FilterChain, Listener } from "../../../model/listener.ts";

const POD = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports:
    - { name: http, port: 80, targetPort: 8080 }
    - { name: tcp-raw, port: 81, targetPort: 8081 }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { app: web } }
spec:
  containers:
    - { name: web, image: web, ports: [{ containerPort: 8080 }, { containerPort: 8081 }] }
    - { name: other, image: other, ports: [{ containerPort: 9000 }] }
`;

function policy(spec: string): string {
  const head = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication";
  return `${POD}---\n${head}\nmetadata: { name: peers, namespace: shop }\nspec: ${spec}\n`;
}

interface Asked {
  readonly spec: string;
  readonly identity?: boolean;
  readonly explicit?: boolean;
  readonly more?: string;
}

function listenersFor({ spec, identity = true, explicit = false, more = "" }: Asked) {
  const mesh = meshOf(policy(spec) + more);
  const pods = meshedPods(mesh);
  const [pod] = pods;
  if (pod === undefined) throw new Error("no pod");
  const node = sidecarNode(pod, { namespace: "shop", identity, explicit });
  return snapshotOf(mesh, pods, node).listeners.filter(({ direction }) => direction === "inbound");
}

/** `name: transport [protocols] (tls) kind`. */
function describeChain({ name, match, tls, filter }: FilterChain): string {
  const protocols = match.applicationProtocols.join(",");
  const how = `${match.transportProtocol || "any"}${protocols === "" ? "" : ` ${protocols}`}`;
  return `${name}: ${how}${tls === undefined ? "" : " (mTLS)"} ${filter.kind}`;
}

function chainsOf(listeners: readonly Listener[], name = "virtualInbound"): string[] {
  const found = listeners.find((listener) => listener.name === name);
  return (found?.filterChains ?? [])
    .filter((chain) => !chain.name.endsWith("-blackhole"))
    .map(describeChain);
}

const MESH_HTTP = "istio-http/1.0,istio-http/1.1,istio-h2";
const MESH_TCP = "istio-peer-exchange,istio";
const MESH = `${MESH_TCP},${MESH_HTTP}`;
const HTTP = "http/1.0,http/1.1,h2c";

describe("a pod whose sidecar has a certificate", () => {
  it("takes both by default, and passes on TLS that is not the mesh's where it may be TCP", () => {
    expect(chainsOf(listenersFor({ spec: "{}" }))).toEqual([
      `0.0.0.0_8080-mtls: tls ${MESH} (mTLS) http`,
      "0.0.0.0_8080: raw_buffer http",
      `0.0.0.0_8081-mtls: tls ${MESH} (mTLS) tcp`,
      "0.0.0.0_8081: raw_buffer tcp",
      "0.0.0.0_8081-tls: tls tcp",
      `0.0.0.0_9000-mtls: tls ${MESH_HTTP} (mTLS) http`,
      `0.0.0.0_9000-mtls-tcp: tls ${MESH_TCP} (mTLS) tcp`,
      `0.0.0.0_9000: raw_buffer ${HTTP} http`,
      "0.0.0.0_9000-tcp: raw_buffer tcp",
      "0.0.0.0_9000-tls: tls tcp",
      `virtualInbound-catchall-mtls: tls ${MESH_HTTP} (mTLS) http`,
      `virtualInbound-catchall-mtls-tcp: tls ${MESH_TCP} (mTLS) tcp`,
      `virtualInbound-catchall: raw_buffer ${HTTP} http`,
      "virtualInbound-catchall-tcp: raw_buffer tcp",
      "virtualInbound-catchall-tls: tls tcp",
    ]);
  });

  it("takes nothing but mTLS under STRICT, at ports that nobody declared as well", () => {
    const listeners = listenersFor({ spec: "{ mtls: { mode: STRICT } }" });
    expect(chainsOf(listeners)).toEqual([
      "0.0.0.0_8080-mtls: tls (mTLS) http",
      "0.0.0.0_8081-mtls: tls (mTLS) tcp",
      `0.0.0.0_9000-mtls: tls ${MESH_HTTP} (mTLS) http`,
      "0.0.0.0_9000-mtls-tcp: tls (mTLS) tcp",
      `virtualInbound-catchall-mtls: tls ${MESH_HTTP} (mTLS) http`,
      "virtualInbound-catchall-mtls-tcp: tls (mTLS) tcp",
    ]);
    expect(listeners.find(({ name }) => name === "virtualInbound")?.defaultFilterChain).toBe(
      undefined,
    );
  });

  it("takes what comes under DISABLE, and waits for nobody's first bytes on a TCP port", () => {
    expect(chainsOf(listenersFor({ spec: "{ mtls: { mode: DISABLE } }" }))).toEqual([
      "0.0.0.0_8080: any http",
      "0.0.0.0_8081: any tcp",
      `0.0.0.0_9000: raw_buffer ${HTTP} http`,
      "0.0.0.0_9000-tcp: raw_buffer tcp",
      "0.0.0.0_9000-tls: tls tcp",
      `virtualInbound-catchall: raw_buffer ${HTTP} http`,
      "virtualInbound-catchall-tcp: raw_buffer tcp",
      "virtualInbound-catchall-tls: tls tcp",
    ]);
  });

  it("has a say for each port, declared or not", () => {
    const spec = `{ selector: { matchLabels: { app: web } }, mtls: { mode: STRICT },
      portLevelMtls: { "8080": { mode: DISABLE }, "7000": { mode: DISABLE } } }`;
    expect(chainsOf(listenersFor({ spec }))).toEqual([
      "0.0.0.0_8080: any http",
      "0.0.0.0_8081-mtls: tls (mTLS) tcp",
      `0.0.0.0_9000-mtls: tls ${MESH_HTTP} (mTLS) http`,
      "0.0.0.0_9000-mtls-tcp: tls (mTLS) tcp",
      `0.0.0.0_7000: raw_buffer ${HTTP} http`,
      "0.0.0.0_7000-tcp: raw_buffer tcp",
      "0.0.0.0_7000-tls: tls tcp",
      `virtualInbound-catchall-mtls: tls ${MESH_HTTP} (mTLS) http`,
      "virtualInbound-catchall-mtls-tcp: tls (mTLS) tcp",
    ]);
  });

  it("asks for a certificate of its trust domain, which the agent's bundle vouches for", () => {
    const more = `---
apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: { name: mesh }
spec: { trustDomain: new.example, trustDomainAliases: [old.example] }
`;
    const listeners = listenersFor({ spec: "{ mtls: { mode: STRICT } }", more });
    const chains = listeners.find(({ name }) => name === "virtualInbound")?.filterChains ?? [];
    const [http, tcp] = [8080, 8081].map(
      (port) => chains.find(({ match }) => match.destinationPort === port)?.tls,
    );
    const source = { kind: "cluster", cluster: "sds-grpc" };
    expect(http).toMatchObject({
      requireClientCertificate: true,
      certificates: [],
      certificateSecrets: [{ name: "default", source }],
      validationSecret: { name: "ROOTCA", source },
      alpnProtocols: ["h2", "http/1.1"],
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.3",
      validation: {
        sans: ["spiffe://new.example/", "spiffe://old.example/"].map((value) => ({
          san: "uri",
          match: { kind: "prefix", value },
        })),
      },
    });
    expect(tcp?.alpnProtocols).toEqual(["istio-peer-exchange", "h2", "http/1.1"]);
  });
});

describe("a pod whose sidecar has no certificate", () => {
  it("is served as before where no policy asks for mTLS", () => {
    const chains = chainsOf(
      listenersFor({ spec: "{ mtls: { mode: PERMISSIVE } }", identity: false }),
    );
    expect(chains.slice(0, 2)).toEqual(["0.0.0.0_8080: any http", "0.0.0.0_8081: any tcp"]);
  });

  it("is not served at all where one does: each port closes what comes", () => {
    const listeners = listenersFor({ spec: "{ mtls: { mode: STRICT } }", identity: false });
    expect(chainsOf(listeners)).toEqual([
      "0.0.0.0_8080-closed: any tcp",
      "0.0.0.0_8081-closed: any tcp",
      "0.0.0.0_9000-closed: any tcp",
      "virtualInbound-catchall-closed: any tcp",
    ]);
    const chains = listeners.flatMap(({ filterChains }) => filterChains);
    const clusters = chains.map(({ filter }) => filter.kind === "tcp" && filter.clusters);
    expect(clusters).toEqual(chains.map(() => [{ cluster: "BlackHoleCluster", weight: 1 }]));
  });
});

describe("explicit mode", () => {
  it.each([
    { mode: "STRICT", port: 8080, chains: ["-mtls: tls (mTLS) http"], filters: ["tlsInspector"] },
    { mode: "DISABLE", port: 8081, chains: [": any tcp"], filters: [] },
    {
      mode: "PERMISSIVE",
      port: 8081,
      chains: [`-mtls: tls ${MESH} (mTLS) tcp`, ": raw_buffer tcp", "-tls: tls tcp"],
      filters: ["tlsInspector"],
    },
    {
      mode: "STRICT",
      port: 9000,
      chains: [`-mtls: tls ${MESH_HTTP} (mTLS) http`, "-mtls-tcp: tls (mTLS) tcp"],
      filters: ["tlsInspector", "httpInspector"],
    },
  ])("guards port $port under $mode", ({ mode, port, chains, filters }) => {
    const listeners = listenersFor({ spec: `{ mtls: { mode: ${mode} } }`, explicit: true });
    const name = `10.44.0.2_${port}`;
    expect(chainsOf(listeners, name)).toEqual(chains.map((chain) => `${name}${chain}`));
    const found = listeners.find((listener) => listener.name === name);
    expect(found?.listenerFilters).toEqual(filters);
    expect(found?.defaultFilterChain).toBeUndefined();
  });
});
