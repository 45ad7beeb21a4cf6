import { describe, expect, it } from "vitest";
import type { Labels, Pod, Service } from "../mesh.ts";
import { endpointsOf } from "./endpoints.ts";

const ORIGIN = {
  position: { file: "a.yaml", line: 1, column: 1 },
  kind: "Service",
  namespace: "shop",
  name: "reviews",
  path: "",
};

function pod(name: string, portName: string, number: number, over: Partial<Pod> = {}): Pod {
  const declared = { name: portName, port: number, protocol: "TCP" } as const;
  const helper = {
    name: "helper",
    image: "h",
    command: [],
    args: [],
    ports: [],
    env: {},
    origin: ORIGIN,
  };
  return {
    name,
    namespace: "shop",
    address: `10.0.0.${name}`,
    labels: { app: "reviews", version: `v${name}` },
    annotations: {},
    serviceAccount: "default",
    workload: "reviews",
    containers: [helper, { ...helper, name: "app", ports: [declared] }],
    ready: true,
    appSockets: undefined,
    ...over,
  };
}

const SERVICE: Service = {
  host: "reviews.shop.svc.cluster.local",
  name: "reviews",
  namespace: "shop",
  ports: [],
  addresses: [],
  headless: false,
  selector: { app: "reviews" },
  resolution: "pods",
  endpoints: [],
  external: false,
  exportTo: ["*"],
  labels: {},
  annotations: {},
  origin: ORIGIN,
};

const BY_NAME = { name: "http", port: 80, targetPort: "web", protocol: "http" } as const;
const BY_NUMBER = { ...BY_NAME, targetPort: 7000 };

const PODS = [pod("1", "web", 8081), pod("2", "web", 8082), pod("3", "admin", 9000)];

describe("the endpoints of a service", () => {
  const cases: {
    name: string;
    service?: Partial<Service>;
    port?: typeof BY_NAME | typeof BY_NUMBER;
    pods?: Pod[];
    subset?: Labels;
    are: string[];
  }[] = [
    { name: "resolve a named port in each pod", are: ["10.0.0.1:8081", "10.0.0.2:8082"] },
    {
      name: "take a number as it is",
      port: BY_NUMBER,
      are: ["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000"],
    },
    {
      name: "leave out pods that are not ready",
      pods: [pod("1", "web", 80, { ready: false })],
      are: [],
    },
    {
      name: "leave out other namespaces",
      pods: [pod("1", "web", 80, { namespace: "other" })],
      are: [],
    },
    {
      name: "leave out other labels",
      pods: [pod("1", "web", 80, { labels: { app: "x" } })],
      are: [],
    },
    { name: "are those of the subset", subset: { version: "v2" }, are: ["10.0.0.2:8082"] },
    { name: "are none without a selector", service: { selector: undefined }, are: [] },
    {
      name: "are the listed addresses, on their own ports where they say so",
      service: {
        selector: undefined,
        endpoints: [
          {
            address: "192.0.2.1",
            ports: { http: 8443 },
            labels: {},
            weight: 1,
            serviceAccount: "",
          },
          { address: "api.example.com", ports: {}, labels: {}, weight: 2, serviceAccount: "" },
        ],
      },
      are: ["192.0.2.1:8443", "api.example.com:80"],
    },
  ];
  it("are the same among many pods as among few", () => {
    const others = Array.from({ length: 100 }, (_, n) =>
      pod(`x${n}`, "web", 80, n % 2 === 0 ? { namespace: "other" } : { labels: { app: "x" } }),
    );
    const found = endpointsOf(SERVICE, BY_NAME, [...others, ...PODS]);
    expect(found).toEqual(endpointsOf(SERVICE, BY_NAME, PODS));
  });

  it.each(cases)("$name", ({ service, port = BY_NAME, pods = PODS, subset, are }) => {
    const found = endpointsOf({ ...SERVICE, ...service }, port, pods, subset);
    expect(found.map((endpoint) => `${endpoint.address}:${endpoint.port}`)).toEqual(are);
  });
});
