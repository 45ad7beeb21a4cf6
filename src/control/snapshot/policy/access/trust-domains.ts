import type { MeshSettings } from "../../../../model/mesh.ts";

/** What stands for the mesh's own trust domain in policies, whatever it is called. */
const LOCAL = "cluster.local";
/** `td/ns/namespace/sa/name`. */
const PARTS = 5;

/** The mesh's trust domain, then its other names. */
export function trustDomainsOf(settings: MeshSettings): readonly string[] {
  return [settings.trustDomain, ...(settings.trustDomainAliases ?? [])];
}

/**
 * A principal of one of the mesh's trust domains under each of their names (Istio: trust domain
 * aliases); others, and those for any trust domain (`*`), as they are.
 */
export function underAliases(principal: string, domains: readonly string[]): readonly string[] {
  const parts = principal.split("/");
  const [domain = ""] = parts;
  if (parts.length !== PARTS || domain === "*") return [principal];
  const isOwn = domain === LOCAL || domains.some((own) => matchesDomain(own, domain));
  if (!isOwn) return [principal];
  const named = domains.map((own) =>
    endsAs(own, domain) ? principal : [own, ...parts.slice(1)].join("/"),
  );
  return [...new Set(named)];
}

/** A trust domain of the mesh is all of them. */
export function domainAliases(domain: string, domains: readonly string[]): readonly string[] {
  return domains.includes(domain) ? domains : [domain];
}

/** `*-td` is meant for all that end so; it stays as it is. */
function endsAs(own: string, written: string): boolean {
  return written.startsWith("*") && own.endsWith(written.slice(1));
}

function matchesDomain(own: string, written: string): boolean {
  return (
    own === written ||
    endsAs(own, written) ||
    (written.endsWith("*") && own.startsWith(written.slice(0, -1)))
  );
}
