import type { MeshSettings } from "../../model/mesh.ts";

/** `web.shop.serviceaccount.identity.linkerd.cluster.local`. */
const OWN = /^([^.*]+)\.([^.*]+)\.serviceaccount\.identity\.[^.]+\.(.+)$/;
/** `*.shop.serviceaccount.identity.…`, `*.serviceaccount.identity.…` */
const NAMESPACE = /^\*\.([^.*]+)\.serviceaccount\.identity\.[^.]+\.(.+)$/;
const ANYWHERE = /^\*\.serviceaccount\.identity\.[^.]+\.(.+)$/;
const SPIFFE = "spiffe://";

/**
 * Linkerd names workloads as DNS does; here they are SPIFFE IDs of the same trust domain. Gives the
 * principal as Istio writes it (`cluster.local/ns/shop/sa/web`, `…/sa/*`, `*`); undefined where the
 * text is no identity.
 */
export function principalOf(identity: string): string | undefined {
  if (identity === "*") return "*";
  if (identity.startsWith(SPIFFE)) return identity.slice(SPIFFE.length);
  const own = OWN.exec(identity);
  if (own !== null) return `${own[3]}/ns/${own[2]}/sa/${own[1]}`;
  const inNamespace = NAMESPACE.exec(identity);
  if (inNamespace !== null) return `${inNamespace[2]}/ns/${inNamespace[1]}/sa/*`;
  const anywhere = ANYWHERE.exec(identity);
  return anywhere === null ? undefined : `${anywhere[1]}/ns/*`;
}

export const IDENTITY_WORDS: string =
  "NAME.NAMESPACE.serviceaccount.identity.linkerd.TRUST_DOMAIN, " +
  "*.NAMESPACE.serviceaccount.identity.linkerd.TRUST_DOMAIN, a SPIFFE ID, or *";

export function accountPrincipal(
  { trustDomain }: MeshSettings,
  namespace: string,
  name: string,
): string {
  return `${trustDomain}/ns/${namespace}/sa/${name}`;
}

export function namespacePrincipal({ trustDomain }: MeshSettings, namespace: string): string {
  return `${trustDomain}/ns/${namespace}/sa/*`;
}
