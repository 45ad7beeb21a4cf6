import type { AccessPolicy } from "./access-policy.ts";
import type { PeerAuthentication } from "./peer-authentication.ts";
import type { RequestAuthentication } from "./request-authentication.ts";

/** What all dialects together say about trust. */
export interface MeshSecurity {
  readonly peerAuthentications: readonly PeerAuthentication[];
  readonly accessPolicies: readonly AccessPolicy[];
  readonly requestAuthentications: readonly RequestAuthentication[];
}

export const NO_SECURITY: MeshSecurity = {
  peerAuthentications: [],
  accessPolicies: [],
  requestAuthentications: [],
};

/** One after the other; the order of the parts is kept. */
export function joinSecurity(parts: readonly MeshSecurity[]): MeshSecurity {
  return {
    peerAuthentications: parts.flatMap((part) => part.peerAuthentications),
    accessPolicies: parts.flatMap((part) => part.accessPolicies),
    requestAuthentications: parts.flatMap((part) => part.requestAuthentications),
  };
}
