import type { Secret } from "../../../model/transport/secret.ts";
import { type DataSource, NO_VALIDATION, type TrustDomain } from "../../../model/transport/tls.ts";
import type { TrustBundle } from "./trust-bundle.ts";

/** What Istio calls the trust bundle. */
const NAME = "ROOTCA";

/**
 * The bundle as SDS gives it out: its roots alone, or where other trust domains are believed, those
 * of each by its name (Envoy's SPIFFE validator).
 */
export function bundleSecret({ trustDomain, roots, aliases, federated, crl }: TrustBundle): Secret {
  const own = [trustDomain, ...aliases].map((name) => domain(name, roots));
  const others = [...federated].map(([name, pem]) => domain(name, pem));
  const believed =
    others.length === 0 ? { trustedCa: inline(roots) } : { trustDomains: [...own, ...others] };
  const validation = {
    ...NO_VALIDATION,
    ...believed,
    crl: crl === "" ? undefined : inline(crl),
  };
  return { kind: "validation", name: NAME, validation };
}

function domain(name: string, pem: string): TrustDomain {
  return { name, bundle: inline(pem) };
}

function inline(text: string): DataSource {
  return { kind: "inline", text };
}
