import { type Labels, type Mesh, matchesLabels, type Pod, type Service } from "../../model/mesh.ts";

/** What the mesh says of a name. */
export type Answer =
  | { readonly kind: "addresses"; readonly addresses: readonly string[] }
  /** The name is the mesh's to know, and it does not exist. */
  | { readonly kind: "unknown" }
  /** Others have to be asked. */
  | { readonly kind: "elsewhere" };

const UNKNOWN: Answer = { kind: "unknown" };
const ELSEWHERE: Answer = { kind: "elsewhere" };

/** Reverse names of pods and virtual addresses: nobody outside knows them. */
const REVERSE_ZONES: readonly string[] = ["10.in-addr.arpa", "240.in-addr.arpa"];

/**
 * The names of one state of the mesh: Services and the pods behind headless ones under
 * `cluster.local`, and the hosts of ServiceEntries. Short forms arrive here in full, completed
 * by the search domains of the pod's resolv.conf.
 */
export class Zone {
  readonly #domain: string;
  readonly #services: ReadonlyMap<string, readonly Service[]>;
  readonly #pods: readonly Pod[];

  constructor(mesh: Pick<Mesh, "services" | "settings">, pods: readonly Pod[]) {
    this.#domain = mesh.settings.clusterDomain.toLowerCase();
    this.#services = Map.groupBy(mesh.services, (service) => service.host.toLowerCase());
    this.#pods = pods;
  }

  /** `namespace` of the pod that asks: it decides which ServiceEntries it sees. */
  lookup(name: string, namespace: string): Answer {
    const host = name.toLowerCase().replace(/\.$/, "");
    const service = this.#visible(host, namespace);
    if (service !== undefined) return this.#addressesOf(service);
    if (isWithin(host, this.#domain)) return this.#podBehindService(host, namespace);
    return REVERSE_ZONES.some((zone) => isWithin(host, zone)) ? UNKNOWN : ELSEWHERE;
  }

  #visible(host: string, namespace: string): Service | undefined {
    const sees = ({ exportTo }: Service): boolean =>
      exportTo.includes("*") || exportTo.includes(namespace);
    return this.#services.get(host)?.find(sees);
  }

  #addressesOf(service: Service): Answer {
    if (service.headless) {
      const addresses = this.#podsOf(service).map((pod) => pod.address);
      return { kind: "addresses", addresses };
    }
    const addresses = service.addresses.filter((address) => !address.includes("/"));
    // A ServiceEntry of resolution NONE without an address: its name is the world's.
    return addresses.length === 0 ? ELSEWHERE : { kind: "addresses", addresses };
  }

  /** `web-0.web.default.svc.cluster.local`, as a StatefulSet's pods are known. */
  #podBehindService(host: string, namespace: string): Answer {
    const dot = host.indexOf(".");
    const service = this.#visible(host.slice(dot + 1), namespace);
    if (service?.headless !== true) return UNKNOWN;
    const pod = this.#podsOf(service).find((each) => each.name === host.slice(0, dot));
    return pod === undefined ? UNKNOWN : { kind: "addresses", addresses: [pod.address] };
  }

  #podsOf(service: Service): readonly Pod[] {
    const selector: Labels | undefined = service.selector;
    if (selector === undefined) return [];
    return this.#pods.filter(
      (pod) =>
        pod.ready && pod.namespace === service.namespace && matchesLabels(pod.labels, selector),
    );
  }
}

function isWithin(host: string, zone: string): boolean {
  return host === zone || host.endsWith(`.${zone}`);
}
