import { isIPv4, isIPv6 } from "node:net";
import type { Mesh, Pod, Service } from "../../model/mesh.ts";
import { podsOf, targetPortOf } from "../../model/precedence/endpoints.ts";
import { compareText, mostSpecificHost, visibleFrom } from "../../model/precedence/host.ts";
import { TYPE } from "./query.ts";
import type { DnsRecord } from "./reply.ts";
import { addressOfReverse, canonical, OwnRanges, VIRTUAL_RANGES } from "./reverse.ts";

/** What the mesh says of a name and a type. */
export type Found =
  /** The name exists; no answers: not with this type. */
  | {
      readonly kind: "records";
      readonly answers: readonly DnsRecord[];
      readonly additionals: readonly DnsRecord[];
    }
  /** An ExternalName: the name is another's. */
  | { readonly kind: "alias"; readonly target: string }
  /** The name is the mesh's to know, and it does not exist. */
  | { readonly kind: "unknown" }
  /** Others have to be asked. */
  | { readonly kind: "elsewhere" };

/** Who asks. */
export interface Asker {
  /** Of the pod: it decides what short names mean, and which ServiceEntries are seen. */
  readonly namespace: string;
  /**
   * A sidecar asks where a ServiceEntry's host really is: for it the world's answer holds, not
   * the virtual address that stands for the host in the pod.
   */
  readonly sidecar: boolean;
}

/** As Istio's DNS proxy answers. */
export const TTL_SECONDS = 30;

const UNKNOWN: Found = { kind: "unknown" };
const ELSEWHERE: Found = { kind: "elsewhere" };
const NO_DATA: Found = { kind: "records", answers: [], additionals: [] };

/**
 * The names of one state of the mesh (Kubernetes DNS specification 1.1.0, and what Istio's DNS
 * proxy adds): Services, the pods behind headless ones, pods by their addresses, hosts of
 * ServiceEntries. Short names mean what the asking pod's search path would make of them, so that
 * a program with a resolver of its own finds them too.
 */
export class Zone {
  readonly domain: string;
  readonly #services: ReadonlyMap<string, readonly Service[]>;
  readonly #wildcards: readonly string[];
  readonly #namespaces: ReadonlySet<string>;
  readonly #pods: readonly Pod[];
  readonly #own: OwnRanges;
  #reverse: ReadonlyMap<string, string> | undefined;

  /** `podRanges`: where all pods' addresses are from, as `10.200.0.0/16`. */
  constructor(
    mesh: Pick<Mesh, "services" | "settings">,
    pods: readonly Pod[],
    podRanges: readonly string[],
  ) {
    this.domain = mesh.settings.clusterDomain.toLowerCase();
    this.#services = Map.groupBy(mesh.services, (service) => service.host.toLowerCase());
    this.#wildcards = [...this.#services.keys()].filter((host) => host.startsWith("*."));
    const homes = [...mesh.services, ...pods].map(({ namespace }) => namespace);
    this.#namespaces = new Set(homes);
    this.#pods = pods;
    this.#own = new OwnRanges([...VIRTUAL_RANGES, ...podRanges]);
  }

  /** `name` in lower case without a closing dot; `type` as a number. */
  lookup(name: string, type: number, asker: Asker): Found {
    for (const host of [name, ...this.#completed(name, asker.namespace)]) {
      const services = this.#visible(host, asker);
      if (services.length > 0) return this.#ofServices(services, name, type);
    }
    if (isWithin(name, this.domain)) return this.#inDomain(name, type, asker);
    const address = addressOfReverse(name);
    return address === undefined ? ELSEWHERE : this.#ofAddress(address, name, type);
  }

  /** True where the cluster's own zone holds the name. */
  holds(name: string): boolean {
    return isWithin(name, this.domain);
  }

  /** `reviews`, `reviews.default`, `reviews.default.svc` in full. */
  #completed(name: string, namespace: string): readonly string[] {
    const labels = name.split(".");
    if (labels.length === 1) return [`${name}.${namespace}.svc.${this.domain}`];
    if (labels.length === 2) return [`${name}.svc.${this.domain}`];
    return labels.length === 3 && labels[2] === "svc" ? [`${name}.${this.domain}`] : [];
  }

  /** Those of the client's own namespace, else of the first that has some, as routes choose. */
  #visible(host: string, { namespace, sidecar }: Asker): readonly Service[] {
    const exact = this.#services.has(host) ? host : mostSpecificHost(this.#wildcards, host);
    if (exact === undefined) return [];
    const seen = (this.#services.get(exact) ?? []).filter(
      (service) =>
        (service.namespace === namespace || visibleFrom(namespace, service.exportTo)) &&
        !(sidecar && isEntry(service)),
    );
    const homes = seen.map((service) => service.namespace).sort(compareText);
    const holder = homes.includes(namespace) ? namespace : homes[0];
    return seen.filter((service) => service.namespace === holder);
  }

  #ofServices(services: readonly Service[], name: string, type: number): Found {
    const [service] = services;
    if (service === undefined) return UNKNOWN;
    const target = externalName(service);
    if (target !== undefined) return { kind: "alias", target };
    if (service.headless) return this.#ofHeadless(service, name, type);
    const addresses = services.flatMap((each) => each.addresses).filter((a) => !a.includes("/"));
    if (!isEntry(service)) {
      if (type === TYPE.srv) return this.#servicePorts(service, name, service.ports);
      return addressRecords(name, type, addresses);
    }
    // A ServiceEntry's other records, and all of one without addresses, are the world's.
    const isAddress = type === TYPE.a || type === TYPE.aaaa;
    if (!isAddress || addresses.length === 0) return ELSEWHERE;
    return addressRecords(name, type, addresses);
  }

  #ofHeadless(service: Service, name: string, type: number): Found {
    if (type === TYPE.srv) return this.#servicePorts(service, name, service.ports);
    const { ipFamilies } = service;
    const addresses = this.#readyPods(service).flatMap((pod) => addressesOf(pod, ipFamilies));
    return addressRecords(name, type, addresses);
  }

  /** What is under `cluster.local` besides the Services themselves. */
  #inDomain(name: string, type: number, asker: Asker): Found {
    const local = name === this.domain ? [] : name.slice(0, -this.domain.length - 1).split(".");
    const [zone, namespace = "", ...below] = local.toReversed();
    if (zone === undefined) return NO_DATA;
    if (zone !== "svc" && zone !== "pod") return UNKNOWN;
    if (namespace === "") return NO_DATA;
    if (!this.#namespaces.has(namespace)) return UNKNOWN;
    if (below.length === 0) return NO_DATA;
    const labels = below.toReversed();
    if (zone === "pod") return this.#podByAddress(labels, namespace, name, type);
    const service = labels.at(-1) ?? "";
    const [found] = this.#visible(`${service}.${namespace}.svc.${this.domain}`, asker);
    return found === undefined ? UNKNOWN : this.#belowService(found, labels, name, type);
  }

  /** `web-0.web.…`, `10-200-0-5.web.…`, `_http._tcp.web.…`. */
  #belowService(service: Service, labels: readonly string[], name: string, type: number): Found {
    const [first = "", second = ""] = labels;
    if (labels.length === 2 && /^_(tcp|udp)$/.test(first)) return NO_DATA;
    if (labels.length === 3 && first.startsWith("_") && second.startsWith("_")) {
      const ports = service.ports.filter(
        (port) =>
          `_${port.name}` === first && `_${port.protocol === "udp" ? "udp" : "tcp"}` === second,
      );
      if (ports.length === 0) return UNKNOWN;
      return type === TYPE.srv ? this.#servicePorts(service, name, ports) : NO_DATA;
    }
    if (labels.length !== 2 || !service.headless) return UNKNOWN;
    const pod = this.#readyPods(service).find(
      (each) => each.name === first || dashed(each.address) === first,
    );
    return pod === undefined
      ? UNKNOWN
      : addressRecords(name, type, addressesOf(pod, service.ipFamilies));
  }

  /** `10-200-0-5.default.pod.cluster.local`, where there is such a pod. */
  #podByAddress(labels: readonly string[], namespace: string, name: string, type: number): Found {
    const [label] = labels;
    const pod = this.#pods.find(
      (each) => each.namespace === namespace && dashed(each.address) === label,
    );
    if (labels.length !== 1 || pod === undefined) return UNKNOWN;
    return addressRecords(name, type, [pod.address]);
  }

  /** SRV records: the service itself, or each pod behind a headless one. */
  #servicePorts(service: Service, name: string, ports: Service["ports"]): Found {
    const targets = service.headless
      ? this.#readyPods(service).map((pod) => ({
          pod,
          host: `${pod.name}.${service.host}`,
          addresses: addressesOf(pod, service.ipFamilies),
        }))
      : [{ pod: undefined, host: service.host, addresses: service.addresses }];
    const answers = targets.flatMap(({ pod, host: target }) =>
      ports.flatMap((each): DnsRecord[] => {
        const port = pod === undefined ? each.port : targetPortOf(pod, each);
        if (port === undefined) return [];
        const data = { port, target, priority: 0, weight: 100 };
        return [{ type: "SRV", name, ttl: TTL_SECONDS, data }];
      }),
    );
    const additionals = targets.flatMap(({ host, addresses }) => records(host, addresses));
    return { kind: "records", answers, additionals };
  }

  #ofAddress(address: string, name: string, type: number): Found {
    const data = this.#namesOfAddresses().get(address);
    if (data === undefined) return this.#own.has(address) ? UNKNOWN : ELSEWHERE;
    if (type !== TYPE.ptr) return NO_DATA;
    return {
      kind: "records",
      answers: [{ type: "PTR", name, ttl: TTL_SECONDS, data }],
      additionals: [],
    };
  }

  /** Made when the first reverse name is asked for. */
  #namesOfAddresses(): ReadonlyMap<string, string> {
    if (this.#reverse !== undefined) return this.#reverse;
    const names = new Map<string, string>();
    for (const pod of this.#pods) {
      names.set(
        canonical(pod.address),
        `${dashed(pod.address)}.${pod.namespace}.pod.${this.domain}`,
      );
    }
    for (const service of [...this.#services.values()].flat()) {
      if (service.headless) {
        for (const pod of this.#readyPods(service)) {
          for (const address of addressesOf(pod, service.ipFamilies)) {
            names.set(canonical(address), `${pod.name}.${service.host}`);
          }
        }
      } else if (!service.host.startsWith("*")) {
        for (const address of service.addresses) names.set(canonical(address), service.host);
      }
    }
    this.#reverse = names;
    return names;
  }

  #readyPods(service: Service): readonly Pod[] {
    return podsOf(service, this.#pods).filter((pod) => pod.ready);
  }
}

/** Of the families that the service is of. */
function addressesOf(pod: Pod, families: Service["ipFamilies"] = ["IPv4"]): readonly string[] {
  const { address, ipv6Address } = pod;
  return [
    ...(families.includes("IPv4") ? [address] : []),
    ...(families.includes("IPv6") && ipv6Address !== undefined ? [ipv6Address] : []),
  ];
}

/** A host of a ServiceEntry; what is Kubernetes' own is a Service. */
function isEntry(service: Service): boolean {
  return service.origin.kind !== "Service";
}

function externalName(service: Service): string | undefined {
  if (isEntry(service) || service.resolution !== "dns") return undefined;
  return service.endpoints[0]?.address.toLowerCase().replace(/\.$/, "");
}

function addressRecords(name: string, type: number, addresses: readonly string[]): Found {
  const answers = records(name, addresses).filter((record) =>
    type === TYPE.a ? record.type === "A" : type === TYPE.aaaa && record.type === "AAAA",
  );
  return { kind: "records", answers, additionals: [] };
}

function records(name: string, addresses: readonly string[]): DnsRecord[] {
  return addresses.flatMap((data): DnsRecord[] => {
    if (isIPv4(data)) return [{ type: "A", name, ttl: TTL_SECONDS, data }];
    return isIPv6(data) ? [{ type: "AAAA", name, ttl: TTL_SECONDS, data }] : [];
  });
}

function dashed(address: string): string {
  return address.replaceAll(/[.:]/g, "-");
}

function isWithin(host: string, zone: string): boolean {
  return host === zone || host.endsWith(`.${zone}`);
}
