import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../../test/support/mesh.ts";
import { ask } from "../../../../test/support/question.ts";

function service(name: string): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80 }] }
---`;
}

const SERVICES = [service("my-service"), service("version-a"), service("version-b")].join("");

function cluster(name: string): string {
  return `outbound|80||${name}.default.svc.cluster.local`;
}

const SPLIT = `
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: { name: my-split }
spec:
  service: my-service
  backends:
    - { service: version-a, weight: 1 }
    - { service: version-b, weight: 3 }
---`;

function httpRoute(rules: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: my-route }
spec:
  parentRefs: [{ group: "", kind: Service, name: my-service, port: 80 }]
  rules:
${rules
  .trim()
  .split("\n")
  .map((line) => `    ${line}`)
  .join("\n")}
---`;
}

const VIRTUAL_SERVICE = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: my-service }
spec:
  hosts: [my-service]
  http: [{ route: [{ destination: { host: version-a } }] }]
---`;

function answer(text: string, path = "/") {
  return ask(clientSnapshot(meshOf(SERVICES + text)), { port: 80, host: "my-service", path });
}

describe("an SMI TrafficSplit", () => {
  it("divides the root service's requests by weight", () => {
    const { clusters } = answer(SPLIT);
    const weights = clusters.map((each) => Number(each.split(" ")[1]));
    expect(clusters.map((each) => each.split(" ")[0])).toEqual([
      cluster("version-a"),
      cluster("version-b"),
    ]);
    expect((weights[1] ?? 0) / (weights[0] ?? 1)).toBe(3);
  });

  it("keeps the proportion of weights whose sum no proxy takes", () => {
    const huge = SPLIT.replace("weight: 1", "weight: 3000000000").replace(
      "weight: 3 ",
      "weight: 9e9 ",
    );
    const weights = answer(huge).clusters.map((each) => Number(each.split(" ")[1]));
    const [small = 0, large = 0] = weights;
    expect(small + large).toBeLessThan(2 ** 32);
    expect(large / small).toBeCloseTo(3, 5);
  });

  it("answers 503 where no backend has any weight", () => {
    const { clusters, route } = answer(SPLIT.replaceAll(/weight: \d/g, "weight: 0"));
    expect(clusters).toEqual(["refused-backend|503"]);
    expect(route?.action).toMatchObject({ clusterNotFoundStatus: 503 });
  });
});

describe("an HTTPRoute at a Service", () => {
  it("takes a prefix by segments, and leaves nothing over: what no rule matches is a 404", () => {
    const text = httpRoute(`
- matches: [{ path: { type: PathPrefix, value: /v2 } }]
  backendRefs: [{ name: version-b, port: 80 }]`);
    expect(answer(text, "/v2/x").clusters).toEqual([cluster("version-b")]);
    expect(answer(text, "/v2").clusters).toEqual([cluster("version-b")]);
    expect(answer(text, "/v2x").route).toBeUndefined();
  });

  it("answers 500 for the share of a backend that does not exist", () => {
    const text = httpRoute(`
- backendRefs:
    - { name: version-a, port: 80, weight: 1 }
    - { name: nobody, port: 80, weight: 1 }`);
    const { clusters, route } = answer(text);
    expect(clusters).toEqual([`${cluster("version-a")} 1`, "refused-backend|500 1"]);
    expect(route?.action).toMatchObject({ clusterNotFoundStatus: 500 });
  });

  it("answers 500 for everything where no backend has any weight", () => {
    const text = httpRoute("- backendRefs: [{ name: version-a, port: 80, weight: 0 }]");
    const { clusters, route } = answer(text);
    expect(clusters).toEqual(["refused-backend|500"]);
    expect(route?.action).toMatchObject({ clusterNotFoundStatus: 500 });
  });
});

describe("several dialects about one service", () => {
  const split = httpRoute("- backendRefs: [{ name: version-b, port: 80 }]") + SPLIT;

  it("obeys the VirtualService alone", () => {
    expect(answer(split + VIRTUAL_SERVICE).clusters).toEqual([cluster("version-a")]);
  });

  it("obeys the HTTPRoute before the TrafficSplit", () => {
    expect(answer(split).clusters).toEqual([cluster("version-b")]);
  });
});
