import { AddressBook } from "../../control/addresses.ts";
import type { World } from "../../control/snapshot.ts";
import type { Mesh, Pod } from "../../model/mesh.ts";
import { planPods } from "../../up/pods/plan.ts";

/** The mesh as it would run: every pod of its files, ready, each with an address. */
export function plannedWorld(mesh: Mesh): World {
  return { mesh: new AddressBook().assign(mesh), pods: plannedPods(mesh) };
}

/** A control plane that runs alone knows no pods but those of its files. */
export function withPods({ mesh, pods }: World): World {
  return pods.length > 0 ? { mesh, pods } : plannedWorld(mesh);
}

const POD_NETWORK = 0x0a_2c_00_00;

/** Addresses from 10.44.0.2 on, as `outrigger up` gives them. */
function plannedPods({ podTemplates }: Mesh): readonly Pod[] {
  return planPods(podTemplates).map(({ name, namespace, template }, index) => ({
    name,
    namespace,
    address: dotted(POD_NETWORK + 2 + index),
    labels: template.labels,
    annotations: template.annotations,
    serviceAccount: template.serviceAccount,
    workload: template.name,
    containers: template.containers,
    ready: true,
    appSockets: undefined,
  }));
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}
