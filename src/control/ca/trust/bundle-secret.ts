import type { Secret } from "../../../model/transport/secret.ts";
import { type DataSource, NO_VALIDATION, type TrustDomain } from "../../../model/transport/tls.ts";
import type { TrustBundle } from "./trust-bundle.ts";

/** What Istio calls the trust bundle. */
const NAME = "ROOTCA";

/**
 * The bundle as SDS gives it out: this mesh's roots and lists of what is revoked; where other trust
 * domains are believed, the roots of each domain by its name as well (Envoy's SPIFFE validator,
 * which reads the lists of a domain from its bundle, and asks for none of the others).
 */
export function bundleSecret({ trustDomain, roots, aliases, federated, crl }: TrustBundle): Secret {
  const validation = { ...NO_VALIDATION, trustedCa: inline(roots) };
  if (federated.size === 0) {
    const lists = crl === "" ? undefined : inline(crl);
    return { kind: "validation", name: NAME, validation: { ...validation, crl: lists } };
  }
  const own = new Set([trustDomain, ...aliases]);
  // A bundle without a root (SPIFFE has that) believes nobody, as no bundle does.
  const others = [...federated].filter(([name, pem]) => pem !== "" && !own.has(name));
  const trustDomains = [
    ...[...own].map((name) => domain(name, `${roots}${crl}`)),
    ...others.map(([name, pem]) => domain(name, pem)),
  ];
  return { kind: "validation", name: NAME, validation: { ...validation, trustDomains } };
}

function domain(name: string, pem: string): TrustDomain {
  return { name, bundle: inline(pem) };
}

function inline(text: string): DataSource {
  return { kind: "inline", text };
}
