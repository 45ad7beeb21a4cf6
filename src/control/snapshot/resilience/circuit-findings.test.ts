import { describe, expect, it } from "vitest";
import { formatDiagnostic } from "../../../base/diagnostic.ts";
import { translate } from "../../translate.ts";
import { circuitFindings } from "./circuit-findings.ts";

const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: ratings, namespace: shop }
spec: { selector: { app: ratings }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: db, namespace: shop }
spec: { selector: { app: db }, ports: [{ name: tcp, port: 5432 }] }
---
apiVersion: v1
kind: Service
metadata: { name: own, namespace: shop, annotations: { networking.istio.io/exportTo: "." } }
spec: { selector: { app: own }, ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ratings, namespace: shop }
spec: { host: ratings, subsets: [{ name: v1, labels: { version: v1 } }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: pay, namespace: shop }
spec: { hosts: [pay.example], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ratings, namespace: shop }
spec:
  parentRefs: [{ kind: Service, group: "", name: ratings }]
  rules: [{ name: canary, backendRefs: [{ name: ratings, port: 80 }] }]
---
`;

function findings(...specs: readonly string[]): readonly string[] {
  const policies = specs.map(
    (spec, index) => `
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: p${index}, namespace: shop }
spec: { ${spec} }
`,
  );
  const mesh = translate([{ file: "mesh.yaml", text: SHOP + policies.join("---") }]);
  expect(mesh.diagnostics).toEqual([]);
  return circuitFindings(mesh).map(formatDiagnostic);
}

const AT = (target: string): string => `targetRefs: [${target}]`;

describe("circuits that stand somewhere", () => {
  it.each([
    "{ kind: Service, name: ratings }",
    "{ kind: ServiceEntry, name: pay }",
    "{ kind: Namespace, name: shop }",
    "{ kind: HTTPRoute, name: ratings }",
    "{ kind: HTTPRoute, name: ratings, sectionName: canary }",
  ])("are no matter: %s", (target) => {
    expect(findings(AT(target))).toEqual([]);
  });
});

describe("circuits that stand nowhere", () => {
  it.each([
    ["{ kind: Service, name: rating }", /no Service shop\/rating,[\s\S]*did you mean ratings\?/],
    ["{ kind: Service, name: pay.example }", /allowed {2}ratings, db, own/],
    ["{ kind: ServiceEntry, name: payments }", /allowed {2}pay/],
    [
      "{ kind: HTTPRoute, name: reviews }",
      /no HTTPRoute shop\/reviews with HTTP rules for sidecars,[\s\S]*allowed {2}ratings/,
    ],
    ["{ kind: GRPCRoute, name: ratings }", /allowed {2}there is none/],
    [
      "{ kind: HTTPRoute, name: ratings, sectionName: canari }",
      /No rule of HTTPRoute shop\/ratings has the name canari[\s\S]*did you mean canary\?/,
    ],
  ])("are errors that say what is there: %s", (target, expected) => {
    const [only, ...others] = findings(AT(target));
    expect(only).toMatch(/^mesh.yaml:38:22: error OUT0701: /);
    expect(only).toMatch(expected);
    expect(others).toEqual([]);
  });
});

it("says which of two policies for one target holds", () => {
  const target = AT("{ kind: Service, name: ratings }");
  expect(findings(target, target)).toEqual([
    expect.stringMatching(
      /:43:22: warning OUT0702: CircuitBreaker shop\/p0 \(mesh.yaml:38\) comes first by its name/,
    ),
  ]);
  const [young, old] = [2026, 2025].map(
    (year) => `
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: y${year}, namespace: shop, creationTimestamp: "${year}-01-01T00:00:00Z" }
spec: { ${target} }
`,
  );
  const mesh = translate([{ file: "mesh.yaml", text: `${SHOP}${young}---${old}` }]);
  expect(circuitFindings(mesh).map(formatDiagnostic)).toEqual([
    expect.stringMatching(/warning OUT0702: CircuitBreaker shop\/y2025 \(mesh.yaml:43\) is older/),
  ]);
});

it("says of a Service that is carried as TCP that no circuit stands there", () => {
  expect(findings(AT("{ kind: Service, name: db }"))).toEqual([
    expect.stringMatching(/warning OUT0703: Service db is carried as TCP[\s\S]*5432 tcp/),
  ]);
});

describe("a target that is there and has nothing to guard", () => {
  const OTHERS = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: raw, namespace: shop }
spec: { hosts: [db], tcp: [{ route: [{ destination: { host: db } }] }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: moved, namespace: shop }
spec:
  parentRefs: [{ kind: Service, group: "", name: own }]
  rules:
    - name: old
      filters: [{ type: RequestRedirect, requestRedirect: { statusCode: 301, port: 81 } }]
---
apiVersion: v1
kind: Service
metadata: { name: raw, namespace: data }
spec: { selector: { app: db }, ports: [{ name: tcp, port: 5432 }] }
---
`;

  function told(namespace: string, target: string): readonly string[] {
    const breaker = `
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: p, namespace: ${namespace} }
spec: { targetRefs: [${target}] }
`;
    const text = `${SHOP}${OTHERS}${breaker}`;
    return circuitFindings(translate([{ file: "mesh.yaml", text }])).map(formatDiagnostic);
  }

  it.each([
    ["data", "{ kind: Namespace, name: data }", /0703: No service of Namespace data is carried as/],
    ["empty", "{ kind: Namespace, name: empty }", /0703: No service of Namespace empty is carried/],
    ["shop", "{ kind: HTTPRoute, name: moved }", /0703: No rule of HTTPRoute moved forwards/],
    [
      "shop",
      "{ kind: HTTPRoute, name: moved, sectionName: old }",
      /0703: No rule of HTTPRoute moved old forwards/,
    ],
    [
      "shop",
      "{ kind: VirtualService, name: raw }",
      /0701: There is no VirtualService shop\/raw wi/,
    ],
  ])("is told of: %s %s", (namespace, target, expected) => {
    expect(told(namespace, target)).toEqual([expect.stringMatching(expected)]);
  });
});

describe("a fallback to a service", () => {
  const spec = (service: string): string =>
    `${AT("{ kind: Service, name: ratings }")}, fallback: { service: ${service} }`;

  it.each([
    ["{ name: rating }", /error OUT0701: There is no service rating.shop.svc.cluster.local/],
    ["{ name: own, port: 81 }", /error OUT0701: own.shop.svc.cluster.local has no port 81/],
    ["{ name: ratings, subset: v2 }", /error OUT0701: No DestinationRule names a subset v2/],
    ["{ name: ratings }", /warning OUT0704: .* it would be the service that just failed/],
    ["{ name: own }", /warning OUT0704: Clients outside shop do not see own.shop/],
  ])("is seen where it leads nowhere: %s", (service, expected) => {
    expect(findings(spec(service)).join("\n")).toMatch(expected);
  });

  it("is seen where it has not the port that was called, and more than one", () => {
    const SEVERAL = `
apiVersion: v1
kind: Service
metadata: { name: front, namespace: shop }
spec: { ports: [{ name: http, port: 80 }, { name: http-b, port: 81 }, { name: tcp, port: 82 }] }
---
apiVersion: v1
kind: Service
metadata: { name: spare, namespace: shop }
spec: { ports: [{ name: http, port: 80 }, { name: http-b, port: 90 }] }
---
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: p, namespace: shop }
spec:
  targetRefs: [{ kind: Service, name: front }]
  fallback: { service: { name: spare } }
`;
    const told = (text: string) =>
      circuitFindings(translate([{ file: "mesh.yaml", text }])).map(formatDiagnostic);
    expect(told(SEVERAL)).toEqual([
      expect.stringMatching(/0704: Calls to port 81 of front have no fallback[\s\S]*80, 90/),
    ]);
    expect(told(SEVERAL.replace("name: spare }", "name: spare, port: 90 }"))).toEqual([]);
    expect(told(SEVERAL.replace("{ name: http-b, port: 90 }", ""))).toEqual([]);
  });

  it("may be a subset of the service itself", () => {
    expect(findings(spec("{ name: ratings, subset: v1 }"))).toEqual([]);
  });
});
