import type { Diagnostic, Severity } from "../../../base/diagnostic.ts";
import { type Labels, type Mesh, matchesLabels, type PodTemplate } from "../../../model/mesh.ts";
import { type Origin, subjectOf } from "../../../model/origin.ts";
import type { AccessPolicy, AccessRule } from "../../../model/policy/access-policy.ts";
import { peerModeOf, peerModes } from "../../../model/precedence/peer-authentication.ts";

export type Guarded = Pick<
  Mesh,
  "services" | "podTemplates" | "namespaces" | "serviceAccounts" | "security" | "settings"
>;

/** Of whichever kind. */
type Placed = Pick<AccessPolicy, "scope" | "origin">;

/**
 * What AuthorizationPolicies say of pods, namespaces and accounts that are not there, and
 * RequestAuthentications of pods.
 */
export function reportAccessPolicies(mesh: Guarded): Diagnostic[] {
  const policies = mesh.security.accessPolicies.filter(({ dialect }) => dialect === "istio");
  // One policy stands there once for each service that it targets.
  const each = new Map(policies.map((policy) => [policy.origin, policy]));
  const authentications = mesh.security.requestAuthentications;
  const tokens = new Map(authentications.map((one): [Origin, Placed] => [one.origin, one]));
  const placed: readonly Placed[] = [...each.values(), ...tokens.values()];
  const findings = placed.flatMap((one) => [...unmatched(one, mesh), ...ofGateways(one, mesh)]);
  const ofRules = [...each.values()].flatMap((policy) => [
    ...policy.rules.flatMap((rule) => [
      ...unknownNamespaces(rule, mesh),
      ...unknownAccounts(rule, mesh),
      ...unknownHosts(rule, mesh),
      ...withoutIdentities(rule, policy, mesh),
    ]),
  ]);
  return [...findings, ...ofRules];
}

/** IST0127: whatever it says, nobody is held to it. */
function unmatched({ scope, origin }: Placed, mesh: Guarded): Diagnostic[] {
  const { service, labels, namespace } = scope;
  const isWide = namespace === undefined && Object.keys(labels).length === 0;
  if (isWide || service !== undefined || podsIn(scope, mesh).length > 0) return [];
  const what = `No matching workloads for this resource with the following labels: ${list(labels)}`;
  return [finding("warning", "IST0127", what, origin)];
}

const GATEWAY_LABELS = ["gateway.networking.k8s.io/gateway-name", "istio.io/gateway-name"];

/** IST0166: the pods of a Kubernetes Gateway are not selected, in Istio. */
function ofGateways({ scope, origin }: Placed, mesh: Guarded): Diagnostic[] {
  if (Object.keys(scope.labels).length === 0) return [];
  const gateways = podsIn(scope, mesh).flatMap(({ namespace, labels }) =>
    GATEWAY_LABELS.flatMap((label) =>
      labels[label] === undefined ? [] : `${namespace}/${labels[label]}`,
    ),
  );
  return [...new Set(gateways)].map((gateway) =>
    finding(
      "warning",
      "IST0166",
      `Ineffective selector on Kubernetes Gateway ${gateway}. Use the TargetRef field instead.`,
      origin,
    ),
  );
}

/** IST0101 (Kiali's KIA0101). */
function unknownNamespaces({ from, origin }: AccessRule, mesh: Guarded): Diagnostic[] {
  const known = [...namespacesOf(mesh)];
  return from
    .flatMap(({ namespaces, notNamespaces }) => [...namespaces, ...notNamespaces])
    .filter((wanted) => !known.some((name) => stands(wanted, name)))
    .map((name) =>
      finding("warning", "IST0101", `Referenced namespace not found: "${name}"`, origin),
    );
}

/** Declared, or with something in them: many files leave the Namespace out. */
function namespacesOf(mesh: Guarded): ReadonlySet<string> {
  return new Set([
    ...mesh.namespaces.map(({ name }) => name),
    ...[...mesh.podTemplates, ...mesh.services, ...mesh.serviceAccounts].map(
      ({ namespace }) => namespace,
    ),
  ]);
}

function stands(wanted: string, name: string): boolean {
  if (wanted.startsWith("*")) return name.endsWith(wanted.slice(1));
  return wanted.endsWith("*") ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
}

/** KIA0106, for accounts of the mesh's own trust domain. */
function unknownAccounts({ from, origin }: AccessRule, mesh: Guarded): Diagnostic[] {
  const known = new Set([
    ...mesh.serviceAccounts.map(({ namespace, name }) => `${namespace}/${name}`),
    ...mesh.podTemplates.map(({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`),
  ]);
  const { trustDomain, trustDomainAliases = [] } = mesh.settings;
  const own = new Set(["cluster.local", trustDomain, ...trustDomainAliases]);
  const named = from.flatMap((source) => [
    ...source.serviceAccounts,
    ...source.principals.flatMap((principal) => accountOf(principal, own) ?? []),
  ]);
  return named
    .filter((account) => !account.endsWith("/default") && !known.has(account))
    .map((account) =>
      finding(
        "warning",
        "KIA0106",
        `Service Account not found for this principal: ${account}`,
        origin,
      ),
    );
}

function accountOf(principal: string, trustDomains: ReadonlySet<string>): string | undefined {
  const [domain = "", ns, namespace, sa, name, ...more] = principal.split("/");
  const isWhole = ns === "ns" && sa === "sa" && more.length === 0 && !principal.includes("*");
  return isWhole && trustDomains.has(domain) ? `${namespace}/${name}` : undefined;
}

/** KIA0104. A Host may be anything; but whoever names one mostly means a service. */
function unknownHosts({ to, origin }: AccessRule, mesh: Guarded): Diagnostic[] {
  const known = new Set(
    mesh.services.flatMap(({ host, name, namespace }) => [
      host,
      name,
      `${name}.${namespace}`,
      `${name}.${namespace}.svc`,
    ]),
  );
  return to
    .flatMap(({ hosts, notHosts }) => [...hosts, ...notHosts])
    .map((host) => host.replace(/:\d+$/, "").toLowerCase())
    .filter((host) => !host.includes("*") && !known.has(host))
    .map((host) =>
      finding(
        "warning",
        "KIA0104",
        `This host has no matching entry in the service registry: ${host}`,
        origin,
      ),
    );
}

/** KIA0105: where mTLS is off nobody has an identity. */
function withoutIdentities(rule: AccessRule, policy: AccessPolicy, mesh: Guarded): Diagnostic[] {
  const asks = rule.from.some(
    ({ principals, namespaces, serviceAccounts, trustDomains }) =>
      principals.length + namespaces.length + serviceAccounts.length + trustDomains.length > 0,
  );
  const pods = podsIn(policy.scope, mesh);
  if (!asks || pods.length === 0) return [];
  const modes = pods.map((pod) => peerModeOf(peerModes(mesh, pod), undefined).mode);
  if (modes.some((mode) => mode !== "disable")) return [];
  const what = "This field requires mTLS to be enabled: the rule matches nobody";
  return [finding("warning", "KIA0105", what, rule.origin)];
}

function podsIn(
  { namespace, labels }: AccessPolicy["scope"],
  { podTemplates }: Guarded,
): readonly PodTemplate[] {
  return podTemplates.filter(
    (pod) =>
      (namespace === undefined || namespace === pod.namespace) && matchesLabels(pod.labels, labels),
  );
}

function list(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

function finding(severity: Severity, code: string, message: string, origin: Origin): Diagnostic {
  const { position, path } = origin;
  const subject = subjectOf(origin);
  return { code, severity, message, position, subject, path: path === "" ? undefined : path };
}
