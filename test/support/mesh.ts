import { AddressBook } from "../../src/control/addresses.ts";
import type { Snapshot } from "../../src/control/server/snapshot-source.ts";
import { SnapshotStore } from "../../src/control/snapshot.ts";
import { translate } from "../../src/control/translate.ts";
import type { Node } from "../../src/model/bootstrap.ts";
import type { Labels, Mesh, MeshSettings, Pod, PodTemplate } from "../../src/model/mesh.ts";

/** YAML documents as a mesh whose services have addresses. */
export function meshOf(text: string, settings: Partial<MeshSettings> = {}): Mesh {
  return new AddressBook().assign(translate([{ file: "mesh.yaml", text }], settings));
}

/** One ready pod for each replica of each template, at 10.44.0.2 and up. */
export function podsOfMesh(mesh: Mesh): Pod[] {
  let next = 2;
  return mesh.podTemplates.flatMap((template) =>
    Array.from({ length: template.replicas }, (_, index) => podOf(template, index, next++)),
  );
}

function podOf(template: PodTemplate, index: number, last: number): Pod {
  const { name, namespace, labels, annotations, serviceAccount, containers } = template;
  return {
    name: `${name}-${index}`,
    namespace,
    address: `10.44.0.${last}`,
    labels,
    annotations,
    serviceAccount,
    workload: name,
    containers,
    ready: true,
    appSockets: undefined,
  };
}

export interface SidecarOptions {
  readonly namespace?: string;
  readonly labels?: Labels;
  readonly explicit?: boolean;
  /** It has a certificate of the mesh. */
  readonly identity?: boolean;
}

/** The node that a sidecar names itself by. */
export function sidecarNode(
  pod: Pick<Pod, "name" | "address">,
  options: SidecarOptions = {},
): Node {
  const namespace = options.namespace ?? "default";
  return {
    id: `sidecar~${pod.address}~${pod.name}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${pod.name}.${namespace}`,
    metadata: {
      NAME: pod.name,
      NAMESPACE: namespace,
      LABELS: options.labels ?? {},
      INTERCEPTION_MODE: options.explicit === true ? "NONE" : "REDIRECT",
      ...(options.identity === true ? { OUTRIGGER: { identity: true } } : {}),
    },
    userAgentName: "outrigger",
  };
}

/** What a client outside every pod of the mesh is told. */
export function clientSnapshot(mesh: Mesh, options: SidecarOptions = {}): Snapshot {
  const client = { name: "client", address: "10.44.1.1" };
  return snapshotOf(mesh, podsOfMesh(mesh), sidecarNode(client, options));
}

/** The pods of the mesh, each with a sidecar that has a certificate. */
export function meshedPods(mesh: Mesh): Pod[] {
  return podsOfMesh(mesh).map((pod) => ({ ...pod, hasIdentity: true }));
}

export function podSnapshot(mesh: Mesh, name: string, options: SidecarOptions = {}): Snapshot {
  const pods = podsOfMesh(mesh);
  const pod = pods.find((each) => each.name === name);
  if (pod === undefined) throw new Error(`there is no pod ${name}`);
  return snapshotOf(mesh, pods, sidecarNode(pod, { ...options, namespace: pod.namespace }));
}

export function snapshotOf(mesh: Mesh, pods: readonly Pod[], node: Node): Snapshot {
  const store = new SnapshotStore();
  store.setWorld({ mesh, pods });
  const snapshot = store.snapshotFor(node);
  if (snapshot === undefined) throw new Error(JSON.stringify(store.problems));
  return snapshot;
}
