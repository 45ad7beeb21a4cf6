import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../../test/support/mesh.ts";
import type { Snapshot } from "../../server/snapshot-source.ts";

function told(trafficPolicy: string, service = "", labels = {}): Snapshot {
  const text = `
apiVersion: v1
kind: Service
metadata: { name: web${service} }
spec: { selector: { app: web }, ports: [{ name: http, port: 80 }, { name: tcp-raw, port: 90 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec:
  host: web
  trafficPolicy:
    connectionPool: { tcp: { maxConnections: 9 } }
${trafficPolicy}
${["a", "b"]
  .map(
    (zone) => `---
apiVersion: v1
kind: Pod
metadata:
  name: web-${zone}
  labels: { app: web, topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: ${zone} }
spec: { containers: [{ name: web, image: web }] }
`,
  )
  .join("")}`;
  return clientSnapshot(meshOf(text), { labels });
}

const WEB = "outbound|80||web.default.svc.cluster.local";

function clusterOf({ clusters }: Snapshot, name = WEB) {
  const found = clusters.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no cluster ${name}`);
  return found;
}

function hashPoliciesOf({ routes }: Snapshot) {
  return routes
    .flatMap(({ virtualHosts }) => virtualHosts)
    .filter(({ name }) => name.startsWith("web."))
    .flatMap((host) => host.routes.map(({ action }) => action))
    .flatMap((action) => (action.kind === "forward" ? action.hashPolicies : []));
}

describe("a DestinationRule's load balancer", () => {
  it("hashes by a header on a ring", () => {
    const hash = "{ httpHeaderName: X-User, ringHash: { minimumRingSize: 2048 } }";
    const snapshot = told(`    loadBalancer: { consistentHash: ${hash} }`);
    expect(clusterOf(snapshot).lbPolicy).toBe("ringHash");
    expect(clusterOf(snapshot).balancing.ringHash.minimumRingSize).toBe(2048);
    expect(hashPoliciesOf(snapshot)).toEqual([
      { kind: "header", name: "x-user", rewrite: undefined, terminal: false },
    ]);
  });

  it("hashes by a cookie that it makes, with Maglev", () => {
    const cookie = "{ name: session, ttl: 1h, path: /shop }";
    const hash = `{ httpCookie: ${cookie}, maglev: { tableSize: 251 } }`;
    const snapshot = told(`    loadBalancer: { consistentHash: ${hash} }`);
    expect(clusterOf(snapshot).lbPolicy).toBe("maglev");
    expect(clusterOf(snapshot).balancing.maglevTableSize).toBe(251);
    expect(hashPoliciesOf(snapshot)).toMatchObject([
      { kind: "cookie", name: "session", ttlMs: 3_600_000, path: "/shop" },
    ]);
  });

  it("hashes connections by their source", () => {
    const snapshot = told("    loadBalancer: { consistentHash: { useSourceIp: true } }");
    const proxies = snapshot.listeners
      .flatMap(({ filterChains, defaultFilterChain }) => [...filterChains, defaultFilterChain])
      .flatMap((chain) => (chain?.filter.kind === "tcp" ? [chain.filter] : []));
    const hashing = proxies.filter(({ hashesSourceIp }) => hashesSourceIp);
    expect(hashing.flatMap(({ clusters }) => clusters.map(({ cluster }) => cluster))).toEqual([
      "outbound|90||web.default.svc.cluster.local",
    ]);
    expect(hashPoliciesOf(snapshot)).toEqual([{ kind: "sourceIp", terminal: false }]);
  });

  it("warms new endpoints up", () => {
    const warmup = "{ duration: 45s, minimumPercent: 5, aggression: 2 }";
    const snapshot = told(`    loadBalancer: { simple: ROUND_ROBIN, warmup: ${warmup} }`);
    expect(clusterOf(snapshot).balancing.slowStart).toEqual({
      windowMs: 45_000,
      aggression: 2,
      minWeightPercent: 5,
    });
  });

  it("distributes by locality, with weights", () => {
    const setting = "{ distribute: [{ from: eu/a, to: { eu/a: 70, eu/b: 30 } }] }";
    const labels = { "istio-locality": "eu.a" };
    const snapshot = told(`    loadBalancer: { localityLbSetting: ${setting} }`, "", labels);
    expect(clusterOf(snapshot).balancing.localityWeighted).toBe(true);
    const { localities = [] } =
      snapshot.endpoints.find(({ clusterName }) => clusterName === WEB) ?? {};
    expect(localities.map(({ locality, weight }) => [locality.zone, weight])).toEqual([
      ["a", 70],
      ["b", 30],
    ]);
  });

  it("follows the mesh's setting where neither rule nor service has one", () => {
    const config = `---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    localityLbSetting: { distribute: [{ from: eu/a, to: { eu/a: 60, eu/b: 40 } }] }
`;
    const labels = { "istio-locality": "eu.a" };
    const weights = (rule: string) => {
      const snapshot = told(`${rule}\n${config}`, "", labels);
      const found = snapshot.endpoints.find(({ clusterName }) => clusterName === WEB);
      const weighs = clusterOf(snapshot).balancing.localityWeighted;
      return [weighs, ...(found?.localities ?? []).map(({ weight }) => weight)];
    };
    expect(weights("")).toEqual([true, 60, 40]);
    const own = "    loadBalancer: { localityLbSetting: { enabled: false } }";
    expect(weights(own)).toEqual([false, 1, 1]);
  });

  it("fails over to the next zone once failing endpoints are found out, and never panics", () => {
    const labels = { "istio-locality": "eu.b" };
    const snapshot = told("    outlierDetection: {}", "", labels);
    expect(clusterOf(snapshot).healthyPanicThreshold).toBe(0);
    const { localities = [] } =
      snapshot.endpoints.find(({ clusterName }) => clusterName === WEB) ?? {};
    expect(localities.map(({ locality, priority }) => [locality.zone, priority])).toEqual([
      ["a", 1],
      ["b", 0],
    ]);
  });
});

describe("a Service", () => {
  it("is balanced as its annotation says", () => {
    const annotation = "\n  annotations: { outrigger.dev/load-balancer: PEAK_EWMA }";
    const text = annotation.replace("\n  ", ", ");
    expect(clusterOf(told("", text)).lbPolicy).toBe("peakEwma");
  });

  it("is balanced so also where a DestinationRule does not speak of the algorithm", () => {
    const text = ", annotations: { outrigger.dev/load-balancer: PEAK_EWMA }";
    const locality = "    loadBalancer: { localityLbSetting: { enabled: false } }";
    expect(clusterOf(told(locality, text)).lbPolicy).toBe("peakEwma");
    expect(clusterOf(told(locality)).lbPolicy).toBe("leastRequest");
    const simple = "    loadBalancer: { simple: ROUND_ROBIN }";
    expect(clusterOf(told(simple, text)).lbPolicy).toBe("roundRobin");
  });
});
