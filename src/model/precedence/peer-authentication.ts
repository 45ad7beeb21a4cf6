import { type Mesh, matchesLabels, type Pod } from "../mesh.ts";
import type { Origin } from "../origin.ts";
import type { MutualTlsMode, PeerAuthentication } from "../policy/peer-authentication.ts";
import { byAge } from "./host.ts";

/** What a port takes, and the line that says so; undefined: the mesh's default. */
export interface PeerMode {
  readonly mode: Exclude<MutualTlsMode, "unset">;
  readonly origin: Origin | undefined;
}

/** What the ports of one pod take. */
export interface PeerModes {
  /** Of ports that nothing is said of, declared or not. */
  readonly pod: PeerMode;
  /** By container port. */
  readonly ports: ReadonlyMap<number, PeerMode>;
}

type Asked = Pick<Mesh, "security">;
type Selected = Pick<Pod, "namespace" | "labels">;

/** Istio: without any policy both are taken. */
export const DEFAULT_PEER_MODE: PeerMode = { mode: "permissive", origin: undefined };

/**
 * Istio's inheritance: the mesh's policy, over it the namespace's, over it the pod's own, over it
 * its ports'; what is not set inherits. Of several policies for one scope the oldest holds alone.
 */
export function peerModes({ security }: Asked, pod: Selected): PeerModes {
  const { mesh, namespace, own } = policiesFor(security.peerAuthentications, pod);
  let held = DEFAULT_PEER_MODE;
  for (const policy of [mesh, namespace, own]) {
    if (policy !== undefined) held = within(held, policy);
  }
  const ports = [...(own?.portModes ?? [])].map(
    ([port, written]) => [port, within(held, written)] as const,
  );
  return { pod: held, ports: new Map(ports) };
}

/** `port`: undefined for ports that nobody declares. */
export function peerModeOf(modes: PeerModes, port: number | undefined): PeerMode {
  return (port === undefined ? undefined : modes.ports.get(port)) ?? modes.pod;
}

/** The widest scope's, for findings about a namespace or (undefined) the mesh as a whole. */
export function scopeMode({ security }: Asked, namespace: string | undefined): PeerMode {
  const all = security.peerAuthentications;
  const mesh = oldest(all.filter(holdsForMesh));
  const own = oldest(all.filter((policy) => holdsForNamespace(policy, namespace)));
  let held = DEFAULT_PEER_MODE;
  if (mesh !== undefined) held = within(held, mesh);
  return own === undefined ? held : within(held, own);
}

interface Holding {
  readonly mesh: PeerAuthentication | undefined;
  readonly namespace: PeerAuthentication | undefined;
  readonly own: PeerAuthentication | undefined;
}

function policiesFor(all: readonly PeerAuthentication[], pod: Selected): Holding {
  return {
    mesh: oldest(all.filter(holdsForMesh)),
    namespace: oldest(all.filter((policy) => holdsForNamespace(policy, pod.namespace))),
    own: oldest(all.filter((policy) => selects(policy, pod))),
  };
}

function holdsForMesh({ scope }: PeerAuthentication): boolean {
  return scope.namespace === undefined;
}

function holdsForNamespace({ scope }: PeerAuthentication, namespace: string | undefined): boolean {
  const isWide = Object.keys(scope.labels).length === 0;
  return namespace !== undefined && scope.namespace === namespace && isWide;
}

function selects({ scope }: PeerAuthentication, { namespace, labels }: Selected): boolean {
  const isNarrow = Object.keys(scope.labels).length > 0;
  return isNarrow && scope.namespace === namespace && matchesLabels(labels, scope.labels);
}

function oldest(policies: readonly PeerAuthentication[]): PeerAuthentication | undefined {
  return policies.length < 2 ? policies[0] : policies.toSorted(byAge)[0];
}

function within(
  outer: PeerMode,
  { mode, origin }: Pick<PeerAuthentication, "mode" | "origin">,
): PeerMode {
  return mode === "unset" ? outer : { mode, origin };
}
