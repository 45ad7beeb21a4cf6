import type { Labels, Mesh, Pod } from "../../../model/mesh.ts";
import type { ServiceEndpoint } from "../../../model/precedence/endpoints.ts";
import {
  type PeerMode,
  type PeerModes,
  peerModeOf,
  peerModes,
} from "../../../model/precedence/peer-authentication.ts";
import { isPastSidecar } from "./past-sidecar.ts";

/** Istio's label of pods whose sidecar takes mTLS; its injector writes it. */
const TLS_MODE_LABEL = "security.istio.io/tlsMode";

/** By which clusters know endpoints that take mTLS (Istio: metadata `tlsMode`). */
export const TAKES_MESH_TLS: Labels = { tlsMode: "istio" };

type Known = Pick<Pod, "labels" | "hasIdentity">;

/** Whether a pod's sidecar has a certificate of the mesh. */
export function hasIdentity({ hasIdentity: known, labels }: Known): boolean {
  return known ?? isMeshed(labels);
}

export function isMeshed(labels: Labels): boolean {
  return labels[TLS_MODE_LABEL] === "istio";
}

const MODES = new WeakMap<Mesh, WeakMap<Pod, PeerModes>>();

/** What a pod takes, looked up once. */
export function modesOf(mesh: Mesh, pod: Pod): PeerModes {
  const known = MODES.get(mesh) ?? new WeakMap<Pod, PeerModes>();
  MODES.set(mesh, known);
  const modes = known.get(pod) ?? peerModes(mesh, pod);
  known.set(pod, modes);
  return modes;
}

/** What a port takes where no sidecar is. */
export const PAST_SIDECAR: PeerMode = { mode: "disable", origin: undefined };

/** What a pod takes at one of its ports. */
export function modeAt(mesh: Mesh, pod: Pod, port: number): PeerMode {
  if (isPastSidecar(pod, port)) return PAST_SIDECAR;
  return peerModeOf(modesOf(mesh, pod), port);
}

/** Whether the port is served over mTLS to whoever asks for that. */
export function takesMeshTls(mesh: Mesh, pod: Pod, port: number): boolean {
  return hasIdentity(pod) && modeAt(mesh, pod, port).mode !== "disable";
}

/** Whether an endpoint is marked as one that takes mTLS. */
export function takesTls(mesh: Mesh, endpoint: ServiceEndpoint): boolean {
  const { pod, port, labels } = endpoint;
  return pod === undefined ? isMeshed(labels) : takesMeshTls(mesh, pod, port);
}
