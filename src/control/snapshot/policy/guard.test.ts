import { describe, expect, it } from "vitest";
import {
  meshOf,
  podSnapshot,
  podsOfMesh,
  sidecarNode,
  snapshotOf,
} from "../../../../test/support/mesh.ts";
import type { FilterChain, Listener } from "../../../model/listener.ts";
import type { Mesh } from "../../../model/mesh.ts";
import type { PolicyScope } from "../../../model/policy/access-policy.ts";

const WEB = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tcp-raw, port: 81, targetPort: 8081 }]
---
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec:
  serviceAccountName: web
  containers: [{ name: web, image: web, ports: [{ containerPort: 9000 }] }]
---
apiVersion: v1
kind: Pod
metadata: { name: other, namespace: other, labels: { app: web } }
spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 8080 }] }] }
---
`;

function withPolicy(spec: string, namespace = "default"): Mesh {
  return meshOf(`${WEB}
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p, namespace: ${namespace} }
spec: ${spec}
`);
}

interface Asked {
  readonly port: number | undefined;
  /** How many sets of rules are asked. */
  readonly sets: number;
}

/** Each inbound chain; explicit listeners wait at the port itself. */
function asked(listeners: readonly Listener[]): readonly Asked[] {
  return listeners
    .filter(({ direction }) => direction === "inbound")
    .flatMap(({ address, filterChains, defaultFilterChain, name }) => {
      const bound =
        address.kind === "socket" && name !== "virtualInbound" ? address.port : undefined;
      const rest = defaultFilterChain === undefined ? [] : [defaultFilterChain];
      return [...filterChains, ...rest].map((chain) => ({
        port: chain.match.destinationPort ?? bound,
        sets: setsOf(chain),
      }));
    });
}

function setsOf({ filter }: FilterChain): number {
  if (filter.kind === "tcp") return filter.rbac?.length ?? 0;
  return filter.httpFilters.filter(({ kind }) => kind === "rbac").length;
}

/** Ports that something is asked at; undefined: those that nobody declares. */
function guardedPorts(mesh: Mesh, pod = "web-0"): readonly (number | undefined)[] {
  const all = asked(podSnapshot(mesh, pod).listeners);
  const ports = new Set(all.map(({ port }) => port));
  return [...ports].filter((port) =>
    all.filter((each) => each.port === port).every(({ sets }) => sets === 1),
  );
}

function scoped(scope: Partial<PolicyScope>): Mesh {
  const mesh = withPolicy("{ rules: [{}] }");
  const accessPolicies = mesh.security.accessPolicies.map((policy) => ({
    ...policy,
    dialect: "linkerd" as const,
    scope: { ...policy.scope, ...scope },
  }));
  return { ...mesh, security: { ...mesh.security, accessPolicies } };
}

describe("the inbound listeners of a pod", () => {
  it("ask before every port, declared or not", () => {
    const ports = guardedPorts(withPolicy("{}"));
    expect(ports).toEqual(expect.arrayContaining([8080, 8081, 9000, undefined]));
    const { listeners } = podSnapshot(withPolicy("{}"), "web-0");
    expect(asked(listeners).every(({ sets }) => sets === 1)).toBe(true);
  });

  it("ask in explicit mode, too", () => {
    const mesh = withPolicy("{}");
    const pods = podsOfMesh(mesh).map((pod) => ({ ...pod, appSockets: { 8080: "/run/web.sock" } }));
    const [pod = { name: "", address: "" }] = pods;
    const node = sidecarNode(pod, { explicit: true });
    const chains = asked(snapshotOf(mesh, pods, node).listeners);
    expect(chains.length).toBeGreaterThan(3);
    expect(chains.every(({ sets }) => sets === 1)).toBe(true);
  });

  it("ask last of all, but before the router", () => {
    const { listeners } = podSnapshot(withPolicy("{}"), "web-0");
    const chain = listeners
      .find(({ name }) => name === "virtualInbound")
      ?.filterChains.find(({ name }) => name === "0.0.0.0_8080");
    const kinds = chain?.filter.kind === "http" && chain.filter.httpFilters.map(({ kind }) => kind);
    expect(kinds).toEqual(["telemetry", "rbac", "router"]);
  });

  it.each([
    ["of the mesh", withPolicy("{}", "istio-system"), { "web-0": true, "other-0": true }],
    ["of a namespace", withPolicy("{}"), { "web-0": true, "other-0": false }],
    [
      "of labels in the whole mesh",
      withPolicy("{ selector: { matchLabels: { app: web } } }", "istio-system"),
      { "web-0": true, "other-0": true },
    ],
    [
      "of other labels",
      withPolicy("{ selector: { matchLabels: { app: db } } }"),
      { "web-0": false, "other-0": false },
    ],
    [
      "of a service account",
      scoped({ serviceAccount: "web" }),
      { "web-0": true, "other-0": false },
    ],
    ["of another", scoped({ serviceAccount: "db" }), { "web-0": false, "other-0": false }],
  ])("ask by policies %s", (_, mesh, expected) => {
    for (const [pod, asks] of Object.entries(expected)) {
      expect(guardedPorts(mesh, pod).includes(undefined)).toBe(asks);
    }
  });

  it("ask by the policies of a service where it leads to", () => {
    const mesh = withPolicy("{ targetRefs: [{ kind: Service, name: web }] }");
    expect(guardedPorts(mesh)).toEqual([8080, 8081]);
  });

  it("ask by the policies of ports there, and tell an undeclared one apart", () => {
    expect(guardedPorts(scoped({ ports: [8080, 7777] }))).toEqual([8080, 7777]);
  });

  it("ask nothing where no policy is", () => {
    expect(guardedPorts(meshOf(WEB))).toEqual([]);
  });
});
