import type { Mesh, Pod, Service } from "../model/mesh.ts";
import { podsOf } from "../model/precedence/endpoints.ts";
import type { NameRegistry } from "./running-control.ts";
import { addressesOf } from "./snapshot/names.ts";

/**
 * What the mesh's DNS answers: services by their virtual addresses, headless ones by their ready
 * pods, and the pods of a headless service by names of their own (`web-0.web.default.svc…`).
 * Hosts whose addresses nobody knows (resolution NONE) are left to the machine's own DNS.
 */
export function nameRegistry(mesh: Mesh, pods: readonly Pod[]): NameRegistry {
  const addresses = new Map<string, readonly string[]>();
  for (const service of mesh.services) {
    const found = service.headless ? headlessAddresses(service, pods) : addressesOf(service);
    if (found.length > 0) addresses.set(service.host.toLowerCase(), found);
    if (!service.headless) continue;
    for (const pod of podsOf(service, pods)) {
      addresses.set(`${pod.name}.${service.host}`.toLowerCase(), [pod.address]);
    }
  }
  return { addresses, clusterDomain: mesh.settings.clusterDomain };
}

function headlessAddresses(service: Service, pods: readonly Pod[]): readonly string[] {
  return podsOf(service, pods)
    .filter((pod) => pod.ready)
    .map((pod) => pod.address);
}
