import { describe, expect, it } from "vitest";
import {
  type DestinationPolicy,
  type PolicyBlocks,
  plainLoadBalancer,
  type Subset,
} from "../destination-policy.ts";
import { DEFAULT_SETTINGS } from "../mesh.ts";
import { destinationPolicyFor, NO_BLOCKS, policyBlocks } from "./policy.ts";

const ORIGIN = {
  position: { file: "a.yaml", line: 1, column: 1 },
  kind: "DestinationRule",
  namespace: "default",
  name: "a",
  path: "",
};

function blocks(algorithm?: "random" | "roundRobin" | "leastRequest"): PolicyBlocks {
  return { ...NO_BLOCKS, loadBalancer: algorithm && plainLoadBalancer(algorithm, ORIGIN) };
}

const POOL = {
  maxConnections: 1,
  connectTimeoutMs: undefined,
  maxConnectionDurationMs: undefined,
  tcpIdleTimeoutMs: undefined,
  tcpKeepalive: undefined,
  maxPendingRequests: undefined,
  maxRequests: undefined,
  maxRequestsPerConnection: undefined,
  maxRetries: undefined,
  httpIdleTimeoutMs: undefined,
  upgradesToHttp2: false,
  useClientProtocol: false,
  maxConcurrentStreams: undefined,
  http2Keepalive: undefined,
  origin: ORIGIN,
};

function subset(name: string, labels = {}): Subset {
  return { name, labels, traffic: { ...blocks(), ports: [] }, origin: ORIGIN };
}

function policy(over: Partial<DestinationPolicy> = {}): DestinationPolicy {
  return {
    host: "reviews.shop.svc.cluster.local",
    namespace: "shop",
    name: "a",
    exportTo: ["*"],
    selector: undefined,
    traffic: { ...blocks(), ports: [] },
    subsets: [],
    creationTimestamp: "",
    origin: ORIGIN,
    ...over,
  };
}

const TARGET = { host: "reviews.shop.svc.cluster.local", namespace: "shop" };
const CLIENT = { namespace: "front", labels: { app: "web" } };
const WILDCARD = "*.shop.svc.cluster.local";

describe("which destination policy holds", () => {
  const cases: {
    name: string;
    policies: DestinationPolicy[];
    client?: typeof CLIENT;
    holds: string | undefined;
  }[] = [
    { name: "none where there is none", policies: [], holds: undefined },
    { name: "the service's namespace", policies: [policy()], holds: "a" },
    {
      name: "the client's namespace before the service's",
      policies: [policy(), policy({ namespace: "front", name: "b" })],
      holds: "b",
    },
    {
      name: "the client's wildcard before the service's exact host",
      policies: [policy(), policy({ namespace: "front", name: "b", host: "*" })],
      holds: "b",
    },
    {
      name: "the service's namespace before the root's",
      policies: [policy({ namespace: "istio-system", name: "root" }), policy()],
      holds: "a",
    },
    {
      name: "the root's where nobody else speaks",
      policies: [policy({ namespace: "istio-system", name: "root", host: "*" })],
      holds: "root",
    },
    {
      name: "not that of a fourth namespace",
      policies: [policy({ namespace: "other", name: "b" })],
      holds: undefined,
    },
    {
      name: "for a client of the root namespace the service's first",
      policies: [policy({ namespace: "istio-system", name: "root" }), policy()],
      client: { namespace: "istio-system", labels: { app: "gateway" } },
      holds: "a",
    },
    {
      name: "an exact host before a wildcard",
      policies: [policy({ name: "wild", host: WILDCARD }), policy({ name: "exact" })],
      holds: "exact",
    },
    {
      name: "the longest wildcard",
      policies: [
        policy({ name: "short", host: "*.local" }),
        policy({ name: "long", host: WILDCARD }),
      ],
      holds: "long",
    },
    {
      name: "not one that is exported elsewhere",
      policies: [policy({ exportTo: ["other"] })],
      holds: undefined,
    },
    {
      name: "a private one for its own namespace",
      policies: [policy({ namespace: "front", name: "b", exportTo: [] })],
      holds: "b",
    },
    {
      name: "the next namespace's where the client's own is hidden by its selector",
      policies: [policy(), policy({ namespace: "front", name: "b", selector: { app: "batch" } })],
      holds: "a",
    },
    {
      name: "a selector that matches before the general one",
      policies: [
        policy({ namespace: "front", name: "a" }),
        policy({ namespace: "front", name: "z", selector: { app: "web" } }),
      ],
      holds: "z",
    },
    {
      name: "not a selector of another namespace",
      policies: [policy({ selector: { app: "web" } })],
      holds: undefined,
    },
  ];
  it.each(cases)("$name", ({ policies, client, holds }) => {
    const mesh = { destinationPolicies: policies, settings: DEFAULT_SETTINGS };
    expect(destinationPolicyFor(mesh, client ?? CLIENT, TARGET)?.name).toBe(holds);
  });

  it("merges policies of one host: subsets joined, the oldest traffic policy", () => {
    const policies = [
      policy({
        name: "young",
        creationTimestamp: "2026-02-01T00:00:00Z",
        traffic: { ...blocks("random"), ports: [] },
        subsets: [subset("v1", { late: "yes" }), subset("v2")],
      }),
      policy({ name: "old", creationTimestamp: "2026-01-01T00:00:00Z", subsets: [subset("v1")] }),
    ];
    const mesh = { destinationPolicies: policies, settings: DEFAULT_SETTINGS };
    const merged = destinationPolicyFor(mesh, CLIENT, TARGET);
    expect(merged?.name).toBe("old");
    expect(merged?.subsets).toEqual([subset("v1"), subset("v2")]);
    expect(merged?.traffic.loadBalancer?.algorithm).toBe("random");
  });
});

describe("the blocks that hold for a cluster", () => {
  const given = policy({
    traffic: {
      ...blocks("random"),
      connectionPool: POOL,
      retryBudget: { percent: 20, minRetryConcurrency: 3 },
      ports: [{ port: 9000, ...blocks("roundRobin") }],
    },
    subsets: [
      subset("plain"),
      {
        ...subset("own"),
        traffic: {
          ...blocks("leastRequest"),
          ports: [{ port: 7000, ...blocks(), connectionPool: { ...POOL, maxConnections: 7 } }],
        },
      },
    ],
  });
  const cases = [
    { name: "the policy's own", subset: "", port: 80, algorithm: "random", connections: 1 },
    {
      name: "a port's alone, its gaps not inherited",
      subset: "",
      port: 9000,
      algorithm: "roundRobin",
      connections: undefined,
    },
    {
      name: "a subset without policy inherits",
      subset: "plain",
      port: 80,
      algorithm: "random",
      connections: 1,
    },
    {
      name: "a subset inherits the port's",
      subset: "plain",
      port: 9000,
      algorithm: "roundRobin",
      connections: undefined,
    },
    {
      name: "a subset replaces block by block",
      subset: "own",
      port: 80,
      algorithm: "leastRequest",
      connections: 1,
    },
    {
      name: "a subset's port replaces all",
      subset: "own",
      port: 7000,
      algorithm: undefined,
      connections: 7,
    },
    {
      name: "an unknown subset takes the policy's own",
      subset: "nobody",
      port: 80,
      algorithm: "random",
      connections: 1,
    },
  ];
  it.each(cases)("$name", ({ subset: name, port, algorithm, connections }) => {
    const held = policyBlocks(given, name, port);
    expect(held.loadBalancer?.algorithm).toBe(algorithm);
    expect(held.connectionPool?.maxConnections).toBe(connections);
    expect(held.retryBudget?.percent).toBe(20);
  });

  it("is empty without a policy", () => {
    expect(policyBlocks(undefined, "", 80)).toEqual(blocks());
  });
});
