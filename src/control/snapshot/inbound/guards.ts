import type { Mesh, Pod } from "../../../model/mesh.ts";
import { type PeerMode, peerModeOf } from "../../../model/precedence/peer-authentication.ts";
import { modesOf } from "../mutual-tls/reach.ts";
import { serverTls } from "../mutual-tls/server-tls.ts";
import type { InboundGuards } from "./listeners.ts";
import type { Guard } from "./port-chains.ts";

/**
 * How a pod's ports are guarded. A proxy without a certificate serves no port that asks for mTLS:
 * what a policy protects is never served in plaintext.
 */
export function inboundGuards(mesh: Mesh, pod: Pod, hasCertificate: boolean): InboundGuards {
  const modes = modesOf(mesh, pod);
  const { settings } = mesh;
  return {
    guardOf: (port) => guardFor(peerModeOf(modes, port), hasCertificate),
    namedPorts: [...modes.ports.keys()].sort((left, right) => left - right),
    server: hasCertificate
      ? { http: serverTls(settings, "http"), tcp: serverTls(settings, "tcp") }
      : undefined,
  };
}

function guardFor({ mode }: PeerMode, hasCertificate: boolean): Guard {
  if (hasCertificate || mode === "disable") return mode;
  return mode === "strict" ? "closed" : "disable";
}
