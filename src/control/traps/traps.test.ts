import { describe, expect, it } from "vitest";
import { meshOf, podsOfMesh } from "../../../test/support/mesh.ts";
import { CIRCUIT_DEFAULTS } from "../../model/resilience/circuit-bounds.ts";
import { ENVOY_OUTLIER_DETECTION } from "../../model/upstream/outlier-detection.ts";
import { clusterDefaults } from "../snapshot/clusters.ts";
import type { EffectiveCluster } from "./effective.ts";
import { effectiveClusters } from "./effective.ts";
import { outlierTraps } from "./outlier-traps.ts";
import { traps } from "./traps.ts";

const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: ratings }
spec: { selector: { app: ratings }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 80 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ratings }
spec:
  replicas: 3
  selector: { matchLabels: { app: ratings } }
  template:
    metadata: { labels: { app: ratings, version: v1 } }
    spec: { containers: [{ name: ratings, image: ratings }] }
`;

function found(...documents: readonly string[]): readonly string[] {
  const mesh = meshOf([SERVICES, ...documents].join("---"));
  expect(mesh.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return traps({ mesh, pods: podsOfMesh(mesh) }).map(({ code }) => code);
}

function route(rule: string, host = "ratings"): string {
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${host} }
spec:
  hosts: [${host}]
  http: [{ route: [{ destination: { host: ${host} } }], ${rule} }]
`;
}

/** A cluster whose endpoints are judged, as a DestinationRule at line 1 asks. */
function judged(
  outlier: Partial<typeof ENVOY_OUTLIER_DETECTION>,
  changes: Partial<EffectiveCluster> = {},
): EffectiveCluster {
  const position = { file: "a.yaml", line: 1, column: 1 };
  const limited = { ...clusterDefaults("ratings").thresholds, maxRequests: 100 };
  return {
    cluster: {
      ...clusterDefaults("ratings"),
      thresholds: limited,
      healthyPanicThreshold: 0,
      outlierDetection: { ...ENVOY_OUTLIER_DETECTION, ...outlier },
    },
    origin: { position, kind: "DestinationRule", namespace: "default", name: "a", path: "" },
    hosts: 10,
    localities: [],
    saysLocality: false,
    ...changes,
  };
}

function codesOf(effective: EffectiveCluster): readonly string[] {
  return outlierTraps(effective).map(({ code }) => code);
}

describe("maxEjectionPercent", () => {
  it.each([9, 3, 1])("of 10 never ejects one of %i endpoints: OUT0801", (hosts) => {
    expect(codesOf(judged({ maxEjectionPercent: 10 }, { hosts }))).toEqual(["OUT0801"]);
  });

  it("says by how much it is too low", () => {
    expect(outlierTraps(judged({ maxEjectionPercent: 10 }, { hosts: 3 }))[0]).toMatchObject({
      message: expect.stringContaining("one of 3 endpoints is 34%, and at most 10% may be out"),
      allowed: "at least 34 for 3 endpoints",
      position: { file: "a.yaml", line: 1, column: 1 },
    });
  });

  it.each([
    [10, 10, false],
    [50, 2, false],
    [10, 3, true],
    [10, 0, false],
  ])("of %i ejects one of %i endpoints, where one may always go: %s", (percent, hosts, always) => {
    const outlier = { maxEjectionPercent: percent, alwaysEjectOneHost: always };
    expect(codesOf(judged(outlier, { hosts }))).toEqual([]);
  });
});

describe("errors that are not counted", () => {
  const none = {
    enforcingConsecutive5xx: 0,
    enforcingConsecutiveGatewayFailure: 0,
    enforcingSuccessRate: 0,
  };

  it("eject nobody: OUT0802", () => {
    expect(codesOf(judged(none))).toEqual(["OUT0802"]);
    expect(codesOf(judged({ ...none, enforcingConsecutive5xx: 100, consecutive5xx: 0 }))).toEqual([
      "OUT0802",
    ]);
  });

  it.each([
    { enforcingConsecutive5xx: 100 },
    { enforcingConsecutiveGatewayFailure: 100 },
    { enforcingFailurePercentage: 100 },
    { enforcingSuccessRate: 100 },
    { splitExternalLocalOriginErrors: true },
  ])("are no matter where others are: %j", (others) => {
    expect(codesOf(judged({ ...none, ...others }))).toEqual([]);
  });
});

it("finds ejections shorter than the sweep's interval: OUT0803", () => {
  expect(codesOf(judged({ baseEjectionTimeMs: 5000, intervalMs: 10_000 }))).toEqual(["OUT0803"]);
  expect(codesOf(judged({ baseEjectionTimeMs: 10_000, intervalMs: 10_000 }))).toEqual([]);
});

it("finds minHealthPercent, which means panic: OUT0804", () => {
  const calm = judged({});
  const cluster = { ...calm.cluster, healthyPanicThreshold: 50 };
  expect(codesOf({ ...calm, cluster })).toEqual(["OUT0804"]);
  expect(codesOf(calm)).toEqual([]);
});

describe("outlier detection over several zones", () => {
  const localities = ["a", "b"].map((zone) => ({ region: "eu", zone, subZone: "" }));

  it("makes clients prefer their own: OUT0805", () => {
    expect(codesOf(judged({}, { localities }))).toEqual(["OUT0805"]);
  });

  it("is no matter in one zone, or where somebody spoke of zones", () => {
    expect(codesOf(judged({}, { localities: localities.slice(1) }))).toEqual([]);
    expect(codesOf(judged({}, { localities, saysLocality: true }))).toEqual([]);
  });
});

it("finds endpoints that are judged and not limited: OUT0806", () => {
  const limited = judged({});
  const { thresholds } = clusterDefaults("ratings");
  const cluster = { ...limited.cluster, thresholds };
  expect(codesOf({ ...limited, cluster })).toEqual(["OUT0806"]);
  const circuit = { name: "default/a", ...CIRCUIT_DEFAULTS };
  const guarded = (maxConcurrent: number | undefined) =>
    codesOf({ ...limited, cluster: { ...cluster, circuit: { ...circuit, maxConcurrent } } });
  expect(guarded(undefined)).toEqual(["OUT0806"]);
  expect(guarded(50)).toEqual([]);
  expect(codesOf(limited)).toEqual([]);
});

it("says nothing of clusters whose endpoints nobody judges", () => {
  const { cluster, ...rest } = judged({ maxEjectionPercent: 1 });
  const { outlierDetection: _, ...plain } = cluster;
  expect(codesOf({ ...rest, cluster: plain })).toEqual([]);
});

describe("a DestinationRule", () => {
  it("is found by its clusters, with their endpoints and what is said of places", () => {
    const mesh = meshOf(`${SERVICES}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ratings }
spec:
  host: ratings
  trafficPolicy: { loadBalancer: { localityLbSetting: { enabled: false } } }
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
`);
    const clusters = effectiveClusters({ mesh, pods: podsOfMesh(mesh) });
    const shown = clusters.map(({ cluster, hosts, origin, saysLocality }) => {
      return [cluster.name.split(".")[0], hosts, origin.kind, saysLocality];
    });
    expect(shown).toEqual([
      ["outbound|80||ratings", 3, "DestinationRule", true],
      ["outbound|80|v1|ratings", 3, "DestinationRule", true],
      ["outbound|80|v2|ratings", 0, "DestinationRule", true],
      ["outbound|80||reviews", 0, "Service", false],
    ]);
  });
});

describe("a DestinationRule that ejects endpoints", () => {
  const rule = (
    outlier: string,
    pool = "connectionPool: { tcp: { maxConnections: 9 } }",
  ): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ratings }
spec: { host: ratings, trafficPolicy: { ${pool}, outlierDetection: { ${outlier} } } }
`;

  it.each([
    ["", ["OUT0801"]],
    ["maxEjectionPercent: 33", ["OUT0801"]],
    ["maxEjectionPercent: 34", []],
    ["maxEjectionPercent: 50, consecutive5xxErrors: 0", ["OUT0802"]],
    ["maxEjectionPercent: 50, consecutive5xxErrors: 0, consecutiveGatewayErrors: 3", []],
    ["maxEjectionPercent: 50, interval: 1m, baseEjectionTime: 30s", ["OUT0803"]],
    ["maxEjectionPercent: 50, minHealthPercent: 40", ["OUT0804"]],
  ])("has the traps of {%s}: %j", (outlier, codes) => {
    expect(found(rule(outlier))).toEqual(codes);
  });

  it("has a trap once, though its subsets inherit it", () => {
    const subsets = "subsets: [{ name: v1, labels: { version: v1 } }], trafficPolicy";
    expect(found(rule("").replace("trafficPolicy", subsets))).toEqual(["OUT0801"]);
  });

  it("has them for clients of its own namespace, where it is theirs alone", () => {
    const own = rule("").replace("name: ratings }", "name: ratings, namespace: shop }");
    const said = own.replace("host: ratings", "host: ratings.default.svc.cluster.local");
    expect(found(said)).toEqual(["OUT0801"]);
    const kept = rule("").replace("host: ratings", 'exportTo: ["."], host: ratings');
    expect(found(kept)).toEqual(["OUT0801"]);
  });

  it("limits nothing where it has no connectionPool", () => {
    expect(found(rule("maxEjectionPercent: 50", "loadBalancer: { simple: RANDOM }"))).toEqual([
      "OUT0806",
    ]);
  });
});

describe("retries after which a request may have been executed", () => {
  const retries = "retries: { attempts: 2, retryOn: '5xx,reset' }";

  it("may execute a POST twice: OUT0811", () => {
    expect(found(route(retries))).toEqual(["OUT0811"]);
    const posts = "match: [{ method: { exact: GET } }, { method: { exact: POST } }]";
    expect(found(route(`${posts}, ${retries}`))).toEqual(["OUT0811"]);
    const either = 'match: [{ method: { regex: "GET|POST" } }]';
    expect(found(route(`${either}, ${retries}`))).toEqual(["OUT0811"]);
    const safe = 'match: [{ method: { regex: "^(GET|HEAD)$" } }, { method: { regex: PUT|GET } }]';
    expect(found(route(`${safe}, ${retries}`))).toEqual([]);
  });

  it.each([
    `match: [{ method: { exact: GET } }, { method: { exact: PUT } }], ${retries}`,
    "retries: { attempts: 2, retryOn: 'connect-failure,refused-stream' }",
    "retries: { attempts: 2 }",
    "retries: { attempts: 0 }",
    "timeout: 1s",
  ])("are not those of %s", (rule) => {
    expect(found(route(rule))).toEqual([]);
  });
});

describe("a timeout", () => {
  const retries = "retries: { attempts: 3, perTryTimeout: 2s, retryOn: connect-failure }";

  it("may end a request before its retries: OUT0812", () => {
    expect(found(route(`timeout: 7s, ${retries}`))).toEqual(["OUT0812"]);
  });

  it.each(["timeout: 8s, ", ""])("is long enough: %s", (timeout) => {
    expect(found(route(`${timeout}${retries}`))).toEqual([]);
  });
});

describe("retries of several services", () => {
  const many = (attempts: number): string =>
    `match: [{ method: { exact: GET } }], retries: { attempts: ${attempts}, retryOn: 5xx }`;

  it("multiply: OUT0813", () => {
    expect(found(route(many(4)), route(many(3), "reviews"))).toEqual(["OUT0813"]);
  });

  it("are few, or of one service alone", () => {
    expect(found(route(many(1)), route(many(2), "reviews"))).toEqual([]);
    expect(found(route(many(9)))).toEqual([]);
  });
});

describe("a subset's own policy", () => {
  const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ratings }
spec:
  host: ratings
  subsets:
    - name: v1
      labels: { version: v1 }
      trafficPolicy: { connectionPool: { tcp: { maxConnections: 1 } } }
    - { name: v2, labels: { version: v2 } }
`;

  it("holds for nobody where no route names the subset: OUT0821", () => {
    expect(found(rule)).toEqual(["OUT0821"]);
    expect(found(rule, route("timeout: 1s"))).toEqual(["OUT0821"]);
  });

  it("holds where one does, or a fallback", () => {
    const named = route("timeout: 1s").replace("host: ratings }", "host: ratings, subset: v1 }");
    expect(found(rule, named)).toEqual([]);
    expect(
      found(
        rule,
        `
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: reviews }
spec:
  targetRefs: [{ kind: Service, name: reviews }]
  fallback: { service: { name: ratings, subset: v1 } }
`,
      ),
    ).toEqual([]);
  });
});

describe("a circuit before services that speak gRPC alone", () => {
  const cart = `
apiVersion: v1
kind: Service
metadata: { name: cart }
spec: { selector: { app: cart }, ports: [{ name: grpc, port: 80 }, { name: tcp-raw, port: 90 }] }
`;
  const policy = (target: string, fallback: string): string => `
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: cart }
spec: { targetRefs: [${target}], fallback: { ${fallback} } }
`;
  const CART = "{ kind: Service, name: cart }";

  it.each(["lastGood: {}", "static: { status: 200, body: ok }"])(
    "answers nobody with %s: OUT0831",
    (fallback) => {
      expect(found(cart, policy(CART, fallback))).toEqual(["OUT0831"]);
    },
  );

  it.each([
    [CART, 'static: { headers: { Grpc-Status: "14" } }'],
    [CART, "service: { name: ratings }"],
    ["{ kind: Service, name: ratings }", "lastGood: {}"],
    ["{ kind: Namespace, name: default }", "lastGood: {}"],
  ])("answers some: %s with %s", (target, fallback) => {
    expect(found(cart, policy(target, fallback))).toEqual([]);
  });
});
