import type { Cluster } from "../cluster.ts";
import type { Listener } from "../listener.ts";
import type { SecretRef } from "./secret.ts";
import type { TlsContext } from "./tls.ts";

/** The secrets that a TLS context asks for. */
export function secretsOfContext(context: TlsContext | undefined): readonly SecretRef[] {
  if (context === undefined) return [];
  const { certificateSecrets = [], validationSecret } = context;
  return validationSecret === undefined
    ? certificateSecrets
    : [...certificateSecrets, validationSecret];
}

/** The secrets that a listener's filter chains ask for. */
export function secretsOfListener(listener: Listener): readonly SecretRef[] {
  const { defaultFilterChain, filterChains } = listener;
  return [...filterChains, defaultFilterChain].flatMap((chain) => secretsOfContext(chain?.tls));
}

/** The secrets that a cluster's transport sockets ask for. */
export function secretsOfCluster({ tls, transportSocketMatches = [] }: Cluster): SecretRef[] {
  return [{ tls }, ...transportSocketMatches].flatMap((each) => [...secretsOfContext(each.tls)]);
}
