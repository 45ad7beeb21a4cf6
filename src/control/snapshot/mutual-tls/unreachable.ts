import type { TlsSettings } from "../../../model/destination-policy.ts";
import { type Origin, subjectOf } from "../../../model/origin.ts";
import type { ServiceEndpoint } from "../../../model/precedence/endpoints.ts";
import { modeAt, PAST_SIDECAR, takesMeshTls } from "./reach.ts";
import type { TransportInput } from "./transport.ts";

type Asking = Pick<TransportInput, "mesh" | "client" | "blocks">;

/**
 * Why what this client would send to an endpoint cannot be taken there, as a sentence that names
 * the policies and their lines; undefined where nothing is known to be in the way. Our own data
 * plane then sends nothing: what a policy wants encrypted is not shown to the wire in vain.
 */
export function whyUnreachable(asking: Asking, endpoint: ServiceEndpoint): string | undefined {
  const { pod, port } = endpoint;
  const { mesh, blocks } = asking;
  const wants = blocks.tls?.mode;
  if (cannotBeMutual(asking)) {
    return `${rule(blocks.tls)} asks for ISTIO_MUTUAL, but this proxy has no certificate`;
  }
  if (pod === undefined) return undefined;
  const taken = modeAt(mesh, pod, port);
  const { mode, origin } = taken;
  if (mode === "strict") {
    const why = whyNotMutual(asking, takesMeshTls(mesh, pod, port));
    return why === undefined ? undefined : `${named(origin)} asks for mTLS (STRICT), but ${why}`;
  }
  if (wants !== "istioMutual" || takesMeshTls(mesh, pod, port)) return undefined;
  if (taken === PAST_SIDECAR) {
    const past = `annotations let port ${port} past the pod's sidecar`;
    return `${rule(blocks.tls)} asks for ISTIO_MUTUAL, but ${past}`;
  }
  const reason =
    mode === "disable" ? `${named(origin)} takes plaintext alone (DISABLE)` : NO_CERTIFICATE;
  return `${rule(blocks.tls)} asks for ISTIO_MUTUAL, but ${reason}`;
}

/** A rule asks for mTLS of the mesh, and the client has nothing to show. */
export function cannotBeMutual({ client, blocks }: Asking): boolean {
  return blocks.tls?.mode === "istioMutual" && !client.hasIdentity;
}

const NO_CERTIFICATE = "the pod's sidecar has no certificate";

/** Why the client does not speak the mesh's own TLS; undefined where it does. */
function whyNotMutual({ client, mesh, blocks }: Asking, taken: boolean): string | undefined {
  if (!taken) return NO_CERTIFICATE;
  const mode = blocks.tls?.mode;
  if (mode === "disable") return `${rule(blocks.tls)} says DISABLE`;
  if (mode === "simple") return `${rule(blocks.tls)} says SIMPLE, which shows no certificate`;
  // Whose certificate a file holds is not known here.
  if (mode === "mutual") return undefined;
  if (!client.hasIdentity) return "this proxy has no certificate";
  return mesh.settings.autoMtls === false && mode === undefined
    ? "enableAutoMtls is off and no DestinationRule says ISTIO_MUTUAL"
    : undefined;
}

function rule(tls: TlsSettings | undefined): string {
  return named(tls?.origin);
}

/** `PeerAuthentication shop/default (mesh.yaml:5)`. */
function named(origin: Origin | undefined): string {
  if (origin === undefined) return "the mesh's default";
  const { file, line } = origin.position;
  return `${subjectOf(origin)} (${file}:${line})`;
}
