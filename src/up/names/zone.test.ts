import { describe, expect, it } from "vitest";
import { DEFAULT_SETTINGS, type Pod, type Service } from "../../model/mesh.ts";
import { Zone } from "./zone.ts";

const origin = { position: { file: "x.yaml", line: 1, column: 1 }, kind: "Service", path: "" };

function service(name: string, namespace: string, rest: Partial<Service> = {}): Service {
  return {
    host: `${name}.${namespace}.svc.cluster.local`,
    name,
    namespace,
    ports: [],
    addresses: ["10.96.0.10"],
    headless: false,
    selector: { app: name },
    resolution: "pods",
    endpoints: [],
    external: false,
    exportTo: ["*"],
    labels: {},
    annotations: {},
    origin: { ...origin, namespace, name },
    ...rest,
  };
}

function pod(name: string, app: string, address: string, ready = true): Pod {
  return {
    name,
    namespace: "a",
    address,
    labels: { app },
    annotations: {},
    serviceAccount: "default",
    workload: app,
    containers: [],
    ready,
    appSockets: undefined,
  };
}

const zone = new Zone(
  {
    settings: DEFAULT_SETTINGS,
    services: [
      service("reviews", "a"),
      service("web", "a", { headless: true, addresses: [] }),
      service("api", "a", { host: "api.example.com", addresses: ["240.240.0.9"] }),
      service("secret", "a", { host: "secret.example.com", exportTo: ["a"] }),
      service("open", "a", { host: "open.example.com", addresses: [], resolution: "none" }),
      service("net", "a", { host: "net.example.com", addresses: ["10.9.0.0/24"] }),
    ],
  },
  [pod("web-0", "web", "10.200.0.2"), pod("web-1", "web", "10.200.0.3", false)],
);

describe.each([
  { name: "reviews.a.svc.cluster.local", addresses: ["10.96.0.10"] },
  { name: "Reviews.A.svc.Cluster.local.", addresses: ["10.96.0.10"] },
  { name: "web.a.svc.cluster.local", addresses: ["10.200.0.2"] },
  { name: "web-0.web.a.svc.cluster.local", addresses: ["10.200.0.2"] },
  { name: "api.example.com", addresses: ["240.240.0.9"] },
])("the name $name", ({ name, addresses }) => {
  it(`is ${addresses.join()}`, () => {
    expect(zone.lookup(name, "a")).toEqual({ kind: "addresses", addresses });
  });
});

describe.each([
  { name: "reviews.b.svc.cluster.local", kind: "unknown", why: "is in no namespace b" },
  { name: "reviews.a.b.svc.cluster.local", kind: "unknown", why: "is no name of the mesh" },
  { name: "web-1.web.a.svc.cluster.local", kind: "unknown", why: "is a pod that is not ready" },
  { name: "cluster.local", kind: "unknown", why: "is the zone itself" },
  { name: "2.0.200.10.in-addr.arpa", kind: "unknown", why: "is a pod's reverse name" },
  { name: "example.org", kind: "elsewhere", why: "is the world's" },
  { name: "open.example.com", kind: "elsewhere", why: "has no address in the mesh" },
  { name: "net.example.com", kind: "elsewhere", why: "has a range for its address" },
])("the name $name", ({ name, kind, why }) => {
  it(`${why}: ${kind}`, () => {
    expect(zone.lookup(name, "a")).toEqual({ kind });
  });
});

describe("a ServiceEntry that is exported to its own namespace", () => {
  it("is the world's name elsewhere", () => {
    expect(zone.lookup("secret.example.com", "a").kind).toBe("addresses");
    expect(zone.lookup("secret.example.com", "b").kind).toBe("elsewhere");
  });
});
