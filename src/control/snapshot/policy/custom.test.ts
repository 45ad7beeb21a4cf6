import { describe, expect, it } from "vitest";
import { meshOf, podSnapshot } from "../../../../test/support/mesh.ts";
import type { HttpFilter } from "../../../model/listener.ts";

const WEB = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tcp, port: 81, targetPort: 8081 }]
---
apiVersion: v1
kind: Service
metadata: { name: authz, namespace: foo }
spec: { selector: { app: authz }, ports: [{ name: grpc, port: 9000 }, { name: http, port: 8000 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 8080 }] }] }
`;

const MESH_CONFIG = `
---
apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: { name: mesh }
spec:
  extensionProviders:
    - name: opa
      envoyExtAuthzGrpc: { service: foo/authz.foo.svc.cluster.local, port: 9000, timeout: 2s }
    - name: plain
      envoyExtAuthzHttp:
        service: authz.foo.svc.cluster.local
        port: 8000
        pathPrefix: /check
        includeAdditionalHeadersInCheck: { X-B: "2", X-A: "1" }
    - name: nowhere
      envoyExtAuthzGrpc: { service: gone.foo.svc.cluster.local, port: 9000 }
`;

function policy(name: string, provider: string, path: string): string {
  return `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name} }
spec:
  action: CUSTOM
  provider: { name: ${provider} }
  rules: [{ to: [{ operation: { paths: ["${path}"] } }] }]
`;
}

function filtersOf(...policies: readonly string[]): readonly HttpFilter[] {
  const { listeners } = podSnapshot(meshOf([WEB, MESH_CONFIG, ...policies].join("")), "web-0");
  const chains = listeners.find(({ name }) => name === "virtualInbound")?.filterChains ?? [];
  const filter = chains.find(({ match }) => match.destinationPort === 8080)?.filter;
  return filter?.kind === "http" ? filter.httpFilters : [];
}

describe("a CUSTOM policy", () => {
  it("finds out by shadow rules whom it is about, and asks its provider about those", () => {
    const filters = filtersOf(policy("admin", "opa", "/admin"));
    expect(filters.map(({ kind }) => kind)).toEqual(["telemetry", "rbac", "extAuthz", "router"]);
    expect(filters[1]).toMatchObject({
      rbac: {
        rules: undefined,
        shadowRules: {
          action: "deny",
          policies: [{ name: "istio-ext-authz-opa-ns[default]-policy[admin]-rule[0]" }],
        },
        shadowRulesStatPrefix: "istio_ext_authz_",
      },
    });
    expect(filters[2]).toMatchObject({
      authz: {
        service: {
          kind: "grpc",
          cluster: "outbound|9000||authz.foo.svc.cluster.local",
          timeoutMs: 2000,
        },
        statusOnError: 403,
        failureModeAllow: false,
        enabledMetadata: {
          filter: "envoy.filters.http.rbac",
          path: ["istio_ext_authz_shadow_effective_policy_id"],
          value: { match: { kind: "prefix", value: "istio-ext-authz-opa" } },
        },
      },
    });
  });

  it("asks a server of HTTP as its provider says", () => {
    expect(filtersOf(policy("admin", "plain", "/admin"))[2]).toMatchObject({
      authz: {
        service: {
          kind: "http",
          cluster: "outbound|8000||authz.foo.svc.cluster.local",
          pathPrefix: "/check",
          headersToAdd: [
            { name: "x-a", value: "1" },
            { name: "x-b", value: "2" },
          ],
          clientHeaders: undefined,
        },
      },
    });
  });

  it.each([
    ["that is not configured", [policy("admin", "unknown", "/admin")]],
    ["whose service there is not", [policy("admin", "nowhere", "/admin")]],
    ["beside another", [policy("a", "opa", "/a"), policy("b", "plain", "/b")]],
  ])("with a provider %s denies what it is about", (_, policies) => {
    const filters = filtersOf(...policies);
    expect(filters.map(({ kind }) => kind)).toEqual(["telemetry", "rbac", "router"]);
    expect(filters[1]).toMatchObject({ rbac: { rules: { action: "deny" } } });
  });
});
