import type { SourceMatch } from "../../../model/policy/access-policy.ts";
import type { Spec } from "../spec.ts";
import { readAddresses, readServiceAccounts, readTexts } from "./value-rules.ts";

/** `from[].source`; `rule` counts from 0, for the messages. */
export function readSource(from: Spec, rule: number): SourceMatch | undefined {
  const source = from.at("source");
  if (!source.present) {
    from.refuse(`\`from.source\` must not be nil, found at rule ${rule}`);
    return undefined;
  }
  if (!source.entries().some(([, list]) => list.items().length > 0)) {
    source.refuse(`\`from.source\` must not be empty, found at rule ${rule}`);
  }
  checkAccountsAlone(source);
  for (const name of ["principals", "notPrincipals"]) checkScheme(source.at(name));
  const texts = (field: string): readonly string[] => readTexts(source.at(field), titled(field));
  const blocks = (field: string): readonly string[] =>
    readAddresses(source.at(field), titled(field));
  const accounts = (field: string): readonly string[] =>
    readServiceAccounts(source.at(field), titled(field));
  return {
    principals: texts("principals"),
    notPrincipals: texts("notPrincipals"),
    requestPrincipals: texts("requestPrincipals"),
    notRequestPrincipals: texts("notRequestPrincipals"),
    namespaces: texts("namespaces"),
    notNamespaces: texts("notNamespaces"),
    serviceAccounts: accounts("serviceAccounts"),
    notServiceAccounts: accounts("notServiceAccounts"),
    trustDomains: texts("trustDomains"),
    notTrustDomains: texts("notTrustDomains"),
    ipBlocks: blocks("ipBlocks"),
    notIpBlocks: blocks("notIpBlocks"),
    remoteIpBlocks: blocks("remoteIpBlocks"),
    notRemoteIpBlocks: blocks("notRemoteIpBlocks"),
  };
}

/** Istio names fields as its Go code does. */
export function titled(field: string): string {
  return field.charAt(0).toUpperCase() + field.slice(1);
}

/** A service account says namespace and name already. */
function checkAccountsAlone(source: Spec): void {
  const accounts = ["serviceAccounts", "notServiceAccounts"].map((name) => source.at(name));
  const written = accounts.find((list) => list.present);
  const others = ["principals", "notPrincipals", "namespaces", "notNamespaces"];
  if (written !== undefined && others.some((name) => source.at(name).present)) {
    written.refuse("Cannot set serviceAccounts with namespaces or principals");
  }
}

function checkScheme(list: Spec): void {
  for (const item of list.items()) {
    if (item.text()?.startsWith("spiffe://") !== true) continue;
    item.doubt(
      "a principal is written without spiffe://: this one matches nobody",
      `write ${item.text()?.slice("spiffe://".length)}`,
    );
  }
}
