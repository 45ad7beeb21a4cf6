import { describe, expect, it } from "vitest";
import { formatDiagnostic } from "../base/diagnostic.ts";
import { type DestinationPolicy, plainLoadBalancer } from "./destination-policy.ts";
import type { HttpRouteSet } from "./http-route-set.ts";
import type { Labels, PodTemplate, Service, ServicePort } from "./mesh.ts";
import { NO_BLOCKS } from "./precedence/policy.ts";
import { NO_MUTATIONS } from "./route.ts";
import { validateMesh } from "./validate.ts";

function origin(kind: string, name: string, line = 1) {
  return { position: { file: "a.yaml", line, column: 1 }, kind, namespace: "shop", name, path: "" };
}

function service(name: string, selector: Labels | undefined, ...ports: ServicePort[]): Service {
  return {
    host: `${name}.shop.svc.cluster.local`,
    name,
    namespace: "shop",
    ports,
    addresses: [],
    headless: false,
    selector,
    resolution: "pods",
    endpoints: [],
    external: false,
    exportTo: ["*"],
    labels: {},
    annotations: {},
    origin: origin("Service", name),
  };
}

function port(
  number: number,
  targetPort: number | string,
  protocol: ServicePort["protocol"] = "http",
): ServicePort {
  return { name: "http", port: number, targetPort, protocol };
}

function pods(labels: Labels, over: Partial<PodTemplate> = {}): PodTemplate {
  const declared = { name: "web", port: 8080, protocol: "TCP" } as const;
  const container = { name: "a", image: "a", command: [], args: [], env: {} };
  return {
    kind: "Deployment",
    name: "reviews",
    namespace: "shop",
    replicas: 1,
    labels,
    annotations: {},
    serviceAccount: "default",
    serviceName: "",
    containers: [{ ...container, ports: [declared], origin: origin("Deployment", "reviews") }],
    origin: origin("Deployment", "reviews"),
    ...over,
  };
}

const headless = { ...service("store", undefined, port(80, 80)), headless: true };

/** Everything that is sent to one host goes to another. */
function routesOf(host: string, backend: string): HttpRouteSet {
  const place = origin("VirtualService", host);
  const mutations = { requestHeaders: NO_MUTATIONS, responseHeaders: NO_MUTATIONS };
  const to = { host: backend, port: 80, subset: "", weight: 1, hostRewrite: "" };
  const forward = {
    kind: "split",
    mirrors: [],
    backends: [{ ...to, ...mutations, invalidStatus: undefined, origin: place }],
    timeoutMs: undefined,
    retries: undefined,
    prefixRewrite: undefined,
    regexRewrite: undefined,
    hostRewrite: undefined,
  } as const;
  return {
    dialect: "istio",
    hosts: [`${host}.shop.svc.cluster.local`],
    ports: undefined,
    namespace: "shop",
    name: host,
    exportTo: ["*"],
    consumer: false,
    rules: [
      {
        name: "",
        matches: [],
        action: forward,
        ...mutations,
        cors: undefined,
        session: undefined,
        origin: place,
      },
    ],
    unmatched: "notFound",
    creationTimestamp: "",
    origin: place,
  };
}

function policy(
  name: string,
  line: number,
  algorithm?: "random",
  ...subsets: string[]
): DestinationPolicy {
  const own = origin("DestinationRule", name, line);
  return {
    host: "reviews.shop.svc.cluster.local",
    namespace: "shop",
    name,
    exportTo: ["*"],
    selector: undefined,
    traffic: {
      ...NO_BLOCKS,
      loadBalancer: algorithm && plainLoadBalancer(algorithm, own),
      ports: [],
    },
    subsets: subsets.map((subset) => ({
      name: subset,
      labels: {},
      traffic: { ...NO_BLOCKS, ports: [] },
      origin: { ...own, path: "spec.subsets" },
    })),
    creationTimestamp: "",
    origin: own,
  };
}

const REVIEWS = { app: "reviews" };

describe("a mesh seen as a whole", () => {
  const cases: {
    name: string;
    services?: Service[];
    podTemplates?: PodTemplate[];
    destinationPolicies?: DestinationPolicy[];
    routes?: HttpRouteSet[];
    says: (string | RegExp)[];
  }[] = [
    {
      name: "says nothing of a sound service",
      services: [service("a", REVIEWS, port(80, "web"))],
      podTemplates: [pods(REVIEWS)],
      says: [],
    },
    {
      name: "says nothing of a service without selector",
      services: [service("a", undefined, port(80, 80))],
      says: [],
    },
    {
      name: "reports a service without pods",
      services: [service("a", REVIEWS, port(80, 80))],
      says: [/IST0127: No pods[\s\S]*found {4}app=reviews/],
    },
    {
      name: "points to pods that miss a label",
      services: [service("a", { ...REVIEWS, version: "v1" }, port(80, 80))],
      podTemplates: [pods({ ...REVIEWS, version: "v2" })],
      says: [/hint {5}pods of Deployment shop\/reviews carry app=reviews,version=v2/],
    },
    {
      name: "points to pods of another namespace",
      services: [service("a", REVIEWS, port(80, 80))],
      podTemplates: [pods(REVIEWS, { namespace: "other" })],
      says: [/a Service selects in shop alone/],
    },
    {
      name: "reports a named target port that no container has",
      services: [service("a", REVIEWS, port(80, "http"))],
      podTemplates: [pods(REVIEWS)],
      says: [/KIA0701: No container[\s\S]*found {4}targetPort http[\s\S]*allowed {2}8080 web/],
    },
    {
      name: "reports a numeric target port that no container declares",
      services: [service("a", REVIEWS, port(80, 80))],
      podTemplates: [pods(REVIEWS)],
      says: [/KIA0701/],
    },
    {
      name: "accepts a numeric target port where nothing is declared",
      services: [service("a", REVIEWS, port(80, 80))],
      podTemplates: [pods(REVIEWS, { containers: [] })],
      says: [],
    },
    {
      name: "reports two protocols on one port of a pod",
      services: [
        service("a", REVIEWS, port(80, "web")),
        service("b", REVIEWS, port(80, 8080, "tcp")),
      ],
      podTemplates: [pods(REVIEWS)],
      says: [/IST0116: Services disagree about what port 8080[\s\S]*a: http, b: tcp/],
    },
    {
      name: "reports a service account that is not there",
      podTemplates: [pods(REVIEWS, { serviceAccount: "nobody" })],
      says: [/OUT0302[\s\S]*found {4}nobody/],
    },
    {
      name: "reports what merged policies lose",
      destinationPolicies: [policy("a", 1, "random", "v1"), policy("b", 9, "random", "v1", "v2")],
      says: [
        /:9:1: warning KIA0201: The traffic policy of DestinationRule shop\/a \(a.yaml:1\) holds/,
        /a.yaml:9:1: warning KIA0201: Subset v1 of DestinationRule shop\/a/,
      ],
    },
    {
      name: "reports a headless backend of another host, not of its own",
      services: [headless, service("b", undefined, port(80, 80))],
      routes: [routesOf("b", headless.host), routesOf("store", headless.host)],
      says: [/OUT0304: A headless Service[\s\S]*found {4}store.shop.svc.cluster.local/],
    },
    {
      name: "says nothing of policies that complete each other",
      destinationPolicies: [policy("a", 1, "random"), policy("b", 9, undefined, "v1")],
      says: [],
    },
  ];
  it.each(cases)("$name", ({ name: _, says, ...given }) => {
    const nothing = {
      services: [],
      podTemplates: [],
      serviceAccounts: [],
      destinationPolicies: [],
      routes: [],
    };
    const found = validateMesh({ ...nothing, ...given }).map(formatDiagnostic);
    expect(found).toHaveLength(says.length);
    for (const [index, text] of says.entries()) expect(found[index]).toMatch(text);
  });
});
