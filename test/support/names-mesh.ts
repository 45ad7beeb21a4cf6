import { DEFAULT_SETTINGS, type Mesh, type Pod, type Service } from "../../src/model/mesh.ts";

/** A Service as YAML would make it; `rest` overrides. */
export function namedService(
  name: string,
  namespace: string,
  rest: Partial<Service> = {},
): Service {
  const position = { file: "x.yaml", line: 1, column: 1 };
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
    origin: { position, kind: "Service", path: "", namespace, name },
    ...rest,
  };
}

/** A host of a ServiceEntry. */
export function namedEntry(host: string, namespace: string, rest: Partial<Service> = {}): Service {
  const service = namedService(host, namespace, { host, resolution: "dns", ...rest });
  return { ...service, origin: { ...service.origin, kind: "ServiceEntry" } };
}

/** An ExternalName Service. */
export function alias(name: string, namespace: string, target: string): Service {
  const endpoint = { address: target, ports: {}, labels: {}, weight: 1, serviceAccount: "" };
  return namedService(name, namespace, {
    ...{ resolution: "dns", external: true, selector: undefined, endpoints: [endpoint] },
    addresses: ["240.240.0.77"],
  });
}

export function namedPod(name: string, app: string, address: string, ready = true): Pod {
  return {
    ...{ name, namespace: "a", address, ready },
    labels: { app },
    annotations: {},
    serviceAccount: "default",
    workload: app,
    containers: [],
    appSockets: undefined,
  };
}

const HTTP = { name: "http", port: 80, targetPort: 8080, protocol: "http" } as const;
const DB = { name: "db", port: 5432, targetPort: 5432, protocol: "tcp" } as const;

/** One of everything that has a name. */
export const SERVICES: readonly Service[] = [
  namedService("reviews", "a", { ports: [HTTP, DB] }),
  namedService("reviews", "b", { addresses: ["10.96.0.11", "fd00:96::11"] }),
  namedService("web", "a", { headless: true, addresses: [], ports: [HTTP] }),
  namedService("duals", "a", {
    ...{ headless: true, addresses: [], selector: { app: "web" }, ports: [HTTP] },
    ipFamilies: ["IPv4", "IPv6"],
  }),
  namedEntry("api.example.com", "a", { addresses: ["240.240.0.9"] }),
  namedEntry("secret.example.com", "a", { addresses: ["240.240.0.8"], exportTo: ["a"] }),
  namedEntry("open.example.com", "a", { addresses: [], resolution: "none" }),
  namedEntry("net.example.com", "a", { addresses: ["10.9.0.0/24"] }),
  namedEntry("*.wild.example.com", "a", { addresses: ["240.240.0.7"] }),
  namedEntry("one.wild.example.com", "a", { addresses: ["240.240.0.6"] }),
  namedEntry("tenant.example.com", "a", { addresses: ["240.240.1.1"] }),
  namedEntry("tenant.example.com", "b", { addresses: ["240.240.1.2"] }),
  alias("db", "a", "DB.example.org."),
  alias("inner", "a", "api.example.com"),
  alias("ring", "a", "rung.a.svc.cluster.local"),
  alias("rung", "a", "ring.a.svc.cluster.local"),
];

export const PODS: readonly Pod[] = [
  { ...namedPod("web-0", "web", "10.200.0.2"), ipv6Address: "fd6f:75c8::2" },
  namedPod("web-1", "web", "10.200.0.3", false),
  namedPod("other", "other", "10.200.0.4"),
];

export const NAMES_MESH: Pick<Mesh, "services" | "settings"> = {
  settings: DEFAULT_SETTINGS,
  services: SERVICES,
};
