import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf, podSnapshot } from "../../../../test/support/mesh.ts";
import type { Cluster } from "../../../model/cluster.ts";
import { ENVOY_OUTLIER_DETECTION } from "../../../model/upstream/outlier-detection.ts";

/** What Istio makes of `{}`. */
const ISTIO = { ...ENVOY_OUTLIER_DETECTION, enforcingSuccessRate: 0 };

/** A service whose DestinationRule says this, and a pod behind it. */
function textOf(trafficPolicy: string, subsets: string): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80 }, { name: http-b, port: 90 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec: { host: web, trafficPolicy: ${trafficPolicy}, subsets: ${subsets} }
---
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 80 }] }] }
`;
}

/** The client's clusters, by their names. */
function clusters(trafficPolicy: string, subsets = "[]"): ReadonlyMap<string, Cluster> {
  const { clusters: all } = clientSnapshot(meshOf(textOf(trafficPolicy, subsets)));
  return new Map(all.map((each) => [each.name, each]));
}

function detection(fields: string, port = 80) {
  const found = clusters(`{ outlierDetection: ${fields} }`);
  return found.get(`outbound|${port}||web.default.svc.cluster.local`)?.outlierDetection;
}

describe("a DestinationRule's outlierDetection", () => {
  it("ejects at five answers of 5xx, and by no success rate", () => {
    expect(detection("{}")).toEqual(ISTIO);
  });

  it("counts answers of 5xx as it says, and does not at 0", () => {
    expect(detection("{ consecutive5xxErrors: 7 }")).toEqual({ ...ISTIO, consecutive5xx: 7 });
    const never = { ...ISTIO, consecutive5xx: 0, enforcingConsecutive5xx: 0 };
    expect(detection("{ consecutive5xxErrors: 0 }")).toEqual(never);
  });

  it("ejects for failures of a gateway only where they are set", () => {
    const set = { consecutiveGatewayFailure: 3, enforcingConsecutiveGatewayFailure: 100 };
    expect(detection("{ consecutiveGatewayErrors: 3 }")).toEqual({ ...ISTIO, ...set });
    const zero = { ...ISTIO, consecutiveGatewayFailure: 0 };
    expect(detection("{ consecutiveGatewayErrors: 0 }")).toEqual(zero);
  });

  it("splits failures to reach an endpoint from its answers", () => {
    const split = { splitExternalLocalOriginErrors: true, enforcingLocalOriginSuccessRate: 0 };
    const fields = "splitExternalLocalOriginErrors: true";
    expect(detection(`{ ${fields} }`)).toEqual({ ...ISTIO, ...split });
    expect(detection(`{ ${fields}, consecutiveLocalOriginFailures: 3 }`)).toEqual({
      ...ISTIO,
      ...split,
      consecutiveLocalOriginFailure: 3,
    });
  });

  it("says how long, and how many; 0 percent is as unset", () => {
    const fields = "interval: 1s, baseEjectionTime: 10m, maxEjectionPercent: 0";
    expect(detection(`{ ${fields} }`)).toEqual({
      ...ISTIO,
      intervalMs: 1000,
      baseEjectionTimeMs: 600_000,
      maxEjectionTimeMs: 600_000,
    });
    expect(detection("{ maxEjectionPercent: 100 }")?.maxEjectionPercent).toBe(100);
  });

  it("turns panic off, unless it asks for it", () => {
    const panic = (fields: string) =>
      clusters(fields).get("outbound|80||web.default.svc.cluster.local")?.healthyPanicThreshold;
    expect(panic("{ outlierDetection: {} }")).toBe(0);
    expect(panic("{ outlierDetection: { minHealthPercent: 30 } }")).toBe(30);
    expect(panic("{ loadBalancer: { simple: RANDOM } }")).toBe(50);
  });

  it("is a port's own, and a subset's own, where these have one", () => {
    const port = "{ port: { number: 90 }, outlierDetection: { consecutive5xxErrors: 9 } }";
    const policy = `{ outlierDetection: { interval: 1s }, portLevelSettings: [${port}] }`;
    const own = "trafficPolicy: { outlierDetection: { consecutive5xxErrors: 2 } }";
    const subsets = `[{ name: v1, labels: { a: b }, ${own} }, { name: v2, labels: { a: c } }]`;
    const found = clusters(policy, subsets);
    const of = (name: string) =>
      found.get(`outbound|${name}|web.default.svc.cluster.local`)?.outlierDetection;
    expect(of("80|")).toEqual({ ...ISTIO, intervalMs: 1000 });
    expect(of("90|")).toEqual({ ...ISTIO, consecutive5xx: 9 });
    expect(of("80|v1")).toEqual({ ...ISTIO, consecutive5xx: 2 });
    expect(of("80|v2")).toEqual({ ...ISTIO, intervalMs: 1000 });
  });

  it("is no matter of the pod's own clusters", () => {
    const mesh = meshOf(textOf("{ outlierDetection: {} }", "[]"));
    const { clusters: all } = podSnapshot(mesh, "web-0");
    const inbound = all.filter(({ name }) => name.startsWith("inbound|"));
    expect(inbound.length).toBeGreaterThan(0);
    expect(inbound.filter((each) => each.outlierDetection !== undefined)).toEqual([]);
  });
});
