import { fromBinary, type JsonObject, toJson } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { ClusterSchema } from "../../src/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ListenerSchema } from "../../src/gen/envoy/config/listener/v3/listener_pb.js";
import { REGISTRY } from "../../src/xds/message/any.ts";
import { CODECS } from "../../src/xds/resource.ts";
import { validateWithEnvoy } from "../support/envoy-process.ts";
import { meshedPods, meshOf, sidecarNode, snapshotOf } from "../support/mesh.ts";
import { describeWith } from "../support/tools.ts";

const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** What Istio's bootstrap has: the control plane, and the agent that answers for secrets. */
function grpcCluster(name: string): JsonObject {
  return {
    name,
    typed_extension_protocol_options: {
      [OPTIONS]: {
        "@type": `type.googleapis.com/${OPTIONS}`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  };
}

function bootstrap(listeners: readonly JsonObject[], clusters: readonly JsonObject[]): string {
  const ads = { ads: {}, resource_api_version: "V3" };
  const grpc = { envoy_grpc: { cluster_name: "xds-grpc" } };
  return JSON.stringify({
    node: { id: "n", cluster: "c" },
    dynamic_resources: {
      ads_config: { api_type: "GRPC", transport_api_version: "V3", grpc_services: [grpc] },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      listeners: [...listeners],
      clusters: [grpcCluster("xds-grpc"), grpcCluster("sds-grpc"), ...clusters],
    },
  });
}

const MESH = `
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
kind: Service
metadata: { name: each, namespace: shop }
spec: { clusterIP: None, selector: { app: web }, ports: [{ name: tcp, port: 90 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { app: web } }
spec: { containers: [{ name: web, image: web }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside, namespace: shop }
spec:
  hosts: [api.example]
  ports:
    - { number: 443, name: http, protocol: HTTP }
    - { number: 444, name: http2, protocol: HTTP2 }
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: outside, namespace: shop }
spec:
  host: api.example
  workloadSelector: { matchLabels: { app: web } }
  trafficPolicy:
    tls:
      mode: MUTUAL
      credentialName: outside
      subjectAltNames: ["spiffe://a/ns/b/sa/c", "10.1.2.3"]
    portLevelSettings:
      - port: { number: 444 }
        tls: { mode: SIMPLE, insecureSkipVerify: true, sni: other.example }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: peers, namespace: shop }
spec:
  selector: { matchLabels: { app: web } }
  mtls: { mode: MODE }
  portLevelMtls: { "8081": { mode: PERMISSIVE }, "7000": { mode: DISABLE } }
`;

describeWith(["envoy"], "what a real Envoy is told about mTLS", () => {
  it.each(
    ["STRICT", "PERMISSIVE", "DISABLE"].flatMap((mode) =>
      [true, false].flatMap((explicit) =>
        [true, false].map((identity) => ({ mode, explicit, identity })),
      ),
    ),
  )("is valid under $mode, explicit: $explicit, certificate: $identity", async (how) => {
    const { mode, explicit, identity } = how;
    const mesh = meshOf(MESH.replace("MODE", mode));
    const pods = meshedPods(mesh);
    const [pod] = pods;
    if (pod === undefined) throw new Error("the mesh has no pod");
    const node = sidecarNode(pod, { namespace: "shop", explicit, identity });
    const snapshot = snapshotOf(mesh, pods, { ...node, userAgentName: "envoy" });
    // Nothing is bound; only what would be tells whether it could.
    const listeners = snapshot.listeners.map((model) => {
      const message = fromBinary(ListenerSchema, CODECS.listener.encode(model, "envoy"));
      return toJson(ListenerSchema, message, { registry: REGISTRY }) as JsonObject;
    });
    const clusters = snapshot.clusters.map((model) => {
      const message = fromBinary(ClusterSchema, CODECS.cluster.encode(model, "envoy"));
      return toJson(ClusterSchema, message, { registry: REGISTRY }) as JsonObject;
    });
    expect(JSON.stringify(clusters).includes("sds-grpc")).toBe(identity);
    expect(await validateWithEnvoy(bootstrap(listeners, clusters))).toBeUndefined();
  });
});
