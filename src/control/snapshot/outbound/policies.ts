import type { PolicyBlocks, Subset } from "../../../model/destination-policy.ts";
import type { Mesh, Service } from "../../../model/mesh.ts";
import type { Origin } from "../../../model/origin.ts";
import { visibleFrom } from "../../../model/precedence/host.ts";
import { destinationPolicyFor, policyBlocks } from "../../../model/precedence/policy.ts";
import type { Client } from "../client.ts";

/** What the client's DestinationRule says of a host; empty where there is none. */
export interface HostPolicy {
  readonly origin: Origin | undefined;
  readonly subsets: readonly Subset[];
  blocksFor(port: number, subset: string): PolicyBlocks;
}

/** The client's policies by service, each looked up once. */
export function clientPolicies(mesh: Mesh, client: Client): (service: Service) => HostPolicy {
  const known = new Map<Service, HostPolicy>();
  return (service) => {
    const found = known.get(service) ?? hostPolicy(mesh, client, service);
    known.set(service, found);
    return found;
  };
}

function hostPolicy(mesh: Mesh, client: Client, service: Service): HostPolicy {
  const policy = destinationPolicyFor(mesh, client, service);
  return {
    origin: policy?.origin,
    subsets: policy?.subsets ?? [],
    blocksFor: (port, subset) => policyBlocks(policy, subset, port),
  };
}

/** Hosts that a client's route sets name and that are no service of its mesh. */
export function hostsWithoutService(
  mesh: Mesh,
  client: Client,
  services: ReadonlyMap<string, unknown>,
): readonly string[] {
  const hosts = mesh.routes
    .filter((set) => visibleFrom(client.namespace, set.exportTo))
    .flatMap((set) => set.hosts)
    .filter((host) => !services.has(host));
  return [...new Set(hosts)];
}
