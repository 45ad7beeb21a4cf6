import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../../test/support/mesh.ts";
import type { Cluster } from "../../../model/cluster.ts";
import type { Snapshot } from "../../server/snapshot-source.ts";
import { SnapshotStore } from "../../snapshot.ts";

const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: ratings }
spec: { selector: { app: ratings }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 80 }, { name: tcp-raw, port: 90 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ratings }
spec: { host: ratings, subsets: [{ name: v1, labels: { version: v1 } }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
    - name: canary
      match:
        - { headers: { canary: { exact: "1" } }, name: by-header }
        - { uri: { prefix: /c }, name: by-path }
      route: [{ destination: { host: reviews } }]
    - name: old
      match: [{ uri: { prefix: /old } }]
      redirect: { uri: /new }
    - name: rest
      route: [{ destination: { host: reviews } }]
`;

function policy(name: string, target: string, spec = "", timestamp = ""): string {
  return `
---
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: ${name}, creationTimestamp: "${timestamp}" }
spec:
  targetRefs: [${target}]
${spec}
`;
}

const RATINGS = "{ kind: Service, name: ratings }";
const REVIEWS = "{ kind: VirtualService, name: reviews }";

/** Which circuit guards what, by the names of clusters and routes. */
function circuits({ clusters, routes }: Snapshot): Record<string, string> {
  const guarded = [
    ...clusters,
    ...routes.flatMap(({ virtualHosts }) => virtualHosts.flatMap((host) => host.routes)),
  ];
  return Object.fromEntries(
    guarded.flatMap(({ circuit, name }) => (circuit === undefined ? [] : [[name, circuit.name]])),
  );
}

function snapshot(...policies: readonly string[]): Snapshot {
  return clientSnapshot(meshOf(SERVICES + policies.join("")), {});
}

function clusterOf({ clusters }: Snapshot, name: string): Cluster {
  const found = clusters.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no cluster ${name}`);
  return found;
}

const WHOLE = "outbound|80||ratings.default.svc.cluster.local";
const V1 = "outbound|80|v1|ratings.default.svc.cluster.local";
const OTHER = "outbound|80||reviews.default.svc.cluster.local";

describe("where circuits stand", () => {
  it("is nowhere without a policy", () => {
    expect(circuits(snapshot())).toEqual({});
  });

  it("is each cluster of a Service, its subsets included", () => {
    const guarded = circuits(snapshot(policy("a", RATINGS)));
    expect(guarded).toEqual({ [WHOLE]: "default/a", [V1]: "default/a" });
  });

  it("is each service of a namespace that has no policy of its own, but for TCP", () => {
    const wide = policy("wide", "{ kind: Namespace, name: default }");
    expect(circuits(snapshot(wide, policy("a", RATINGS)))).toEqual({
      [WHOLE]: "default/a",
      [V1]: "default/a",
      [OTHER]: "default/wide",
    });
  });

  it("is each rule of a route that forwards", () => {
    expect(circuits(snapshot(policy("a", REVIEWS)))).toEqual({
      "canary.by-header": "default/a",
      "canary.by-path": "default/a",
      rest: "default/a",
    });
  });

  it("is a rule by its name, before its route", () => {
    const named = "{ kind: VirtualService, name: reviews, sectionName: canary }";
    const one = "{ kind: VirtualService, name: reviews, sectionName: canary.by-path }";
    const guarded = circuits(snapshot(policy("a", REVIEWS), policy("b", named), policy("c", one)));
    expect(guarded).toEqual({
      "canary.by-header": "default/b",
      "canary.by-path": "default/c",
      rest: "default/a",
    });
  });

  it("is the hosts of a ServiceEntry", () => {
    const outside = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: pay }
spec:
  hosts: [a.pay.example, b.pay.example]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: DNS
`;
    const guarded = circuits(snapshot(outside, policy("a", "{ kind: ServiceEntry, name: pay }")));
    expect(guarded).toEqual({
      "outbound|80||a.pay.example": "default/a",
      "outbound|80||b.pay.example": "default/a",
    });
  });

  it("is a rule of an HTTPRoute by its name, and no rule that answers by itself", () => {
    const route = `
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ratings }
spec:
  parentRefs: [{ kind: Service, group: "", name: ratings }]
  rules:
    - name: new
      matches: [{ path: { type: PathPrefix, value: /new } }]
      backendRefs: [{ name: ratings, port: 80 }]
    - name: old
      matches: [{ path: { type: PathPrefix, value: /old } }]
      filters: [{ type: RequestRedirect, requestRedirect: { statusCode: 301, port: 81 } }]
    - name: rest
      backendRefs: [{ name: ratings, port: 80 }]
`;
    const named = policy("a", "{ kind: HTTPRoute, name: ratings, sectionName: new }");
    expect(circuits(snapshot(route, named))).toEqual({ new: "default/a" });
    const all = circuits(snapshot(route, policy("a", "{ kind: HTTPRoute, name: ratings }")));
    expect(all).toEqual({ new: "default/a", rest: "default/a" });
  });

  it("is the oldest policy's of several for one target", () => {
    const both = snapshot(
      policy("a", RATINGS, "", "2026-02-01T00:00:00Z"),
      policy("b", RATINGS, "", "2026-01-01T00:00:00Z"),
    );
    expect(circuits(both)[WHOLE]).toBe("default/b");
  });
});

describe("the rule that a route's circuit is of", () => {
  function rules(mesh: string): readonly (readonly [string, string | undefined])[] {
    const { routes } = snapshot(mesh);
    const all = routes.flatMap(({ virtualHosts }) => virtualHosts.flatMap((host) => host.routes));
    return all.flatMap(({ circuit, name }) =>
      circuit === undefined ? [] : [[name, circuit.rule] as const],
    );
  }

  it("is one for all of its matches, by its name", () => {
    expect(rules(policy("a", REVIEWS))).toEqual([
      ["canary.by-header", "VirtualService default/reviews canary"],
      ["canary.by-path", "VirtualService default/reviews canary"],
      ["rest", "VirtualService default/reviews rest"],
    ]);
  });

  it("is a match alone where the policy names it", () => {
    const one = "{ kind: VirtualService, name: reviews, sectionName: canary.by-path }";
    expect(rules(policy("a", one))).toEqual([
      ["canary.by-path", "VirtualService default/reviews canary.by-path"],
    ]);
  });

  it("is called by its place where it has no name, or none that can travel", () => {
    const route = (name: string) => `
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ratings }
spec:
  parentRefs: [{ kind: Service, group: "", name: ratings }]
  rules:
    - matches: [{ path: { value: /a } }, { path: { value: /b } }]
      backendRefs: [{ name: ratings, port: 80 }]
    - matches: [{ path: { value: /a/c } }]
      backendRefs: [{ name: ratings, port: 80 }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: odd }
spec:
  hosts: [odd]
  http: [{ name: "${name}", route: [{ destination: { host: reviews } }] }]
`;
    const targets = "{ kind: HTTPRoute, name: ratings }, { kind: VirtualService, name: odd }";
    for (const odd of ["größte", "x".repeat(600)]) {
      expect(rules(route(odd) + policy("a", targets)).toSorted()).toEqual(
        [
          ["", "HTTPRoute default/ratings spec.rules[0]"],
          ["", "HTTPRoute default/ratings spec.rules[0]"],
          ["", "HTTPRoute default/ratings spec.rules[1]"],
          [odd, "VirtualService default/odd spec.http[0]"],
        ].toSorted(),
      );
    }
  });
});

describe("a fallback to a service", () => {
  function fallbackOf(service: string, cluster: string) {
    const spec = `  fallback: { service: ${service} }`;
    return clusterOf(snapshot(policy("a", RATINGS, spec)), cluster).circuit?.fallback;
  }

  it("is the cluster of the port that was called", () => {
    expect(fallbackOf("{ name: reviews }", WHOLE)).toEqual({ kind: "cluster", cluster: OTHER });
  });

  it("may be a subset, which has no fallback itself", () => {
    const subset = "{ name: ratings, subset: v1 }";
    expect(fallbackOf(subset, WHOLE)).toEqual({ kind: "cluster", cluster: V1 });
    expect(fallbackOf(subset, V1)).toBeUndefined();
  });

  it("is left out where the client has no such cluster", () => {
    expect(fallbackOf("{ name: reviews, port: 81 }", WHOLE)).toBeUndefined();
  });
});

describe("a change of one policy", () => {
  it("leaves every other resource as it is", () => {
    const store = new SnapshotStore();
    const node = { id: "sidecar~10.0.0.1~a.default~default.svc.cluster.local", cluster: "a" };
    const asked = { ...node, metadata: {}, userAgentName: "outrigger" };
    const told = (sleep: string): Snapshot => {
      const mesh = meshOf(
        SERVICES + policy("a", RATINGS, `  sleep: ${sleep}`) + policy("b", REVIEWS),
      );
      store.setWorld({ mesh, pods: [] });
      const made = store.snapshotFor(asked);
      if (made === undefined) throw new Error("there is no snapshot");
      return made;
    };
    const [before, after] = [told("5s"), told("6s")];
    expect(after.version).not.toBe(before.version);
    expect(clusterOf(after, WHOLE).circuit?.sleepMs).toBe(6000);
    expect(clusterOf(after, OTHER)).toBe(clusterOf(before, OTHER));
    expect(after.routes.every((config, index) => config === before.routes[index])).toBe(true);
  });
});

describe("a real Envoy", () => {
  function envoyTold(mesh: string): { snapshot: Snapshot; problems: readonly string[] } {
    const store = new SnapshotStore();
    store.setWorld({ mesh: meshOf(SERVICES + mesh), pods: [] });
    const made = store.snapshotFor({
      id: "sidecar~10.0.0.1~a.default~default.svc.cluster.local",
      cluster: "a",
      metadata: {},
      userAgentName: "envoy",
    });
    if (made === undefined) throw new Error("there is no snapshot");
    return { snapshot: made, problems: store.problems.map(({ message }) => message) };
  }

  it("gets hosts ejected by their share of errors, and limits for a bulkhead", () => {
    const spec = "  sleep: 7s\n  bulkhead: { maxConcurrent: 50 }";
    const told = envoyTold(policy("a", RATINGS, spec));
    expect(circuits(told.snapshot)).toEqual({});
    expect(clusterOf(told.snapshot, WHOLE)).toMatchObject({
      thresholds: { maxRequests: 50 },
      healthyPanicThreshold: 0,
      outlierDetection: {
        enforcingConsecutive5xx: 0,
        failurePercentageThreshold: 50,
        failurePercentageRequestVolume: 20,
        failurePercentageMinimumHosts: 1,
        enforcingFailurePercentage: 100,
        intervalMs: 10_000,
        baseEjectionTimeMs: 7000,
        maxEjectionTimeMs: 7000,
        maxEjectionPercent: 100,
      },
    });
    expect(clusterOf(told.snapshot, OTHER).healthyPanicThreshold).toBe(50);
  });

  it("gets hosts ejected by errors in a row", () => {
    const told = envoyTold(policy("a", RATINGS, "  open: { consecutiveErrors: 3 }"));
    expect(clusterOf(told.snapshot, V1).outlierDetection).toMatchObject({
      consecutive5xx: 3,
      enforcingConsecutive5xx: 100,
      intervalMs: 5000,
      enforcingFailurePercentage: 0,
    });
  });

  it("is told of with all that it leaves out", () => {
    const spec = [
      "  errors: { statuses: [503], slowerThan: 2s }",
      "  scope: Mesh",
      "  explain: true",
      "  fallback: { lastGood: {} }",
    ];
    const told = envoyTold(policy("a", `${RATINGS}, ${REVIEWS}`, spec.join("\n")));
    expect(told.problems).toEqual([
      "Envoy has no circuits: it gets what comes nearest, without circuits of routes; " +
        "one circuit for all endpoints (each is judged and left out alone); " +
        "the sliding window (it is judged once a window); " +
        "half-open with 1 probe (all calls come back at once); " +
        "the choice of statuses (every 5xx counts, and nothing else); slowness as an error; " +
        "the scope Mesh; the fallback (lastGood); the header that names the policy",
    ]);
  });

  it("is told of once, and again where something else is lost", () => {
    const store = new SnapshotStore();
    const heard: string[] = [];
    store.onFinding((found) => heard.push(...found.map(({ subject = "" }) => subject)));
    const asks = (pod: string, ...policies: readonly string[]): void => {
      store.setWorld({ mesh: meshOf(SERVICES + policies.join("")), pods: [] });
      const id = `sidecar~10.0.0.1~${pod}.default~default.svc.cluster.local`;
      store.snapshotFor({ id, cluster: "a", metadata: {}, userAgentName: "envoy" });
    };
    asks("a");
    asks("a", policy("a", RATINGS));
    asks("b", policy("a", RATINGS));
    expect(heard).toEqual(["CircuitBreaker default/a"]);
    asks("a", policy("b", RATINGS));
    expect(heard.slice(1)).toEqual(["CircuitBreaker default/b"]);
  });

  it("is not spoken of where none asked", () => {
    const store = new SnapshotStore();
    store.setWorld({ mesh: meshOf(SERVICES + policy("a", RATINGS)), pods: [] });
    expect(store.problems).toEqual([]);
  });
});
