import type { Mesh, Service } from "../../model/mesh.ts";
import type {
  RequestAuthentication,
  TokenKeys,
  TokenRule,
} from "../../model/policy/request-authentication.ts";
import type { KeyLibrary } from "./key-library.ts";

/** A service of the mesh that keys are asked of, by the pods' own sidecars. */
export interface KeyServer {
  readonly host: string;
  readonly port: number;
}

/**
 * The service that a URL names, where it is one of the mesh (Istio: PILOT_JWT_ENABLE_REMOTE_JWKS
 * `hybrid`): sidecars reach it as everything else, mTLS included. What speaks TLS itself is not
 * meant: a sidecar would not.
 */
export function keyServerOf(keys: TokenKeys, services: readonly Service[]): KeyServer | undefined {
  if (keys.kind !== "url") return undefined;
  const url = URL.parse(keys.url);
  if (url?.protocol !== "http:") return undefined;
  const port = url.port === "" ? 80 : Number(url.port);
  const service = services.find(
    ({ host, ports }) => host === url.hostname && ports.some((each) => each.port === port),
  );
  return service && { host: service.host, port };
}

/** Rules whose keys the control plane has to fetch. */
export function fetchedRules({ security, services }: Mesh): readonly TokenRule[] {
  return security.requestAuthentications
    .flatMap(({ rules }) => rules)
    .filter(({ keys }) => keys.kind !== "inline" && keyServerOf(keys, services) === undefined);
}

/** The mesh with the keys in it that the library has. */
export function withFetchedKeys(mesh: Mesh, library: KeyLibrary): Mesh {
  const { requestAuthentications } = mesh.security;
  if (requestAuthentications.length === 0) return mesh;
  const filled = requestAuthentications.map(
    (policy): RequestAuthentication => ({
      ...policy,
      rules: policy.rules.map((rule) => {
        const text = library.textOf(rule.keys);
        return text === undefined ? rule : { ...rule, keys: { kind: "inline", text } };
      }),
    }),
  );
  return { ...mesh, security: { ...mesh.security, requestAuthentications: filled } };
}
