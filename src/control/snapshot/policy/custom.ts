import type { ExtAuthz, HttpAuthorization } from "../../../model/filter/ext-authz.ts";
import type { RbacPolicy } from "../../../model/filter/rbac.ts";
import type { HttpFilter } from "../../../model/listener.ts";
import type { Mesh, MeshSettings } from "../../../model/mesh.ts";
import type { AccessPolicy } from "../../../model/policy/access-policy.ts";
import type { AuthorizationProvider } from "../../../model/policy/authorization-provider.ts";
import type { StringMatch } from "../../../model/route.ts";
import { outboundClusterName } from "../names.ts";
import { ruleName, rulePolicy } from "./access/rule-policy.ts";
import { trustDomainsOf } from "./access/trust-domains.ts";

/** Istio's names of what the shadow rules say, and of their policies. */
const SHADOW_PREFIX = "istio_ext_authz_";
const POLICY_PREFIX = "istio-ext-authz-";

/** The server that all of these policies name, where there is one and it can be asked. */
export function providerOf(
  policies: readonly AccessPolicy[],
  { services, settings }: Pick<Mesh, "services" | "settings">,
): AuthorizationProvider | undefined {
  const [name, ...others] = new Set(policies.map(({ provider }) => provider));
  // Istio takes one for a workload; which of two decides nobody could tell.
  if (name === undefined || others.length > 0) return undefined;
  const provider = settings.authorizationProviders?.find((each) => each.name === name);
  return provider !== undefined && isServed(provider, services) ? provider : undefined;
}

/** Whether there is a service that the server can be asked by. */
export function isServed(provider: AuthorizationProvider, services: Mesh["services"]): boolean {
  return services.some(
    ({ host, ports }) => host === provider.host && ports.some(({ port }) => port === provider.port),
  );
}

/**
 * CUSTOM policies as istiod writes them: shadow rules find out whether a request is one that the
 * policies are about, and the server is asked about those alone.
 */
export function customFilters(
  policies: readonly AccessPolicy[],
  provider: AuthorizationProvider,
  settings: MeshSettings,
): readonly HttpFilter[] {
  const shadow = policiesOf(policies, settings);
  return [
    {
      kind: "rbac",
      name: "envoy.filters.http.rbac",
      rbac: {
        rules: undefined,
        shadowRules: { action: "deny", policies: shadow },
        rulesStatPrefix: "",
        shadowRulesStatPrefix: SHADOW_PREFIX,
        trackPerRuleStats: false,
      },
    },
    { kind: "extAuthz", authz: authzOf(provider) },
  ];
}

function policiesOf(
  policies: readonly AccessPolicy[],
  settings: MeshSettings,
): readonly RbacPolicy[] {
  const reading = {
    carriage: "http",
    trustDomains: trustDomainsOf(settings),
    widens: true,
  } as const;
  const made = policies.flatMap((policy) =>
    policy.rules.flatMap((rule, index) => {
      const name = `${POLICY_PREFIX}${policy.provider}-${ruleName(policy, index)}`;
      return rulePolicy(name, rule, reading) ?? [];
    }),
  );
  return made.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

function authzOf(provider: AuthorizationProvider): ExtAuthz {
  const { body, clearRouteCache, failOpen, headersInCheck, protocol, statusOnError } = provider;
  return {
    service: serviceOf(provider),
    statPrefix: "",
    failureModeAllow: failOpen,
    failureModeAllowHeader: false,
    statusOnError,
    body,
    clearRouteCache,
    allowedHeaders: protocol === "http" && headersInCheck.length > 0 ? headersInCheck : undefined,
    disallowedHeaders: undefined,
    includeTlsSession: false,
    enabledMetadata: {
      filter: "envoy.filters.http.rbac",
      path: [`${SHADOW_PREFIX}shadow_effective_policy_id`],
      value: {
        kind: "string",
        match: { kind: "prefix", value: POLICY_PREFIX + provider.name, ignoreCase: false },
      },
      invert: false,
    },
    metadataNamespaces: [],
  };
}

function serviceOf(provider: AuthorizationProvider): ExtAuthz["service"] {
  const { host, port, protocol, timeoutMs } = provider;
  const cluster = outboundClusterName(port, "", host);
  if (protocol === "grpc") {
    return { kind: "grpc", cluster, authority: host, timeoutMs, initialMetadata: [] };
  }
  return { ...headersOf(provider), kind: "http", cluster, uri: `http://${host}`, timeoutMs };
}

/** An empty list takes Envoy's default, as with istiod. */
function headersOf(
  provider: AuthorizationProvider,
): Omit<HttpAuthorization, "kind" | "cluster" | "uri" | "timeoutMs"> {
  const { additionalHeaders, pathPrefix } = provider;
  const { toDownstreamOnAllow, toDownstreamOnDeny, toUpstreamOnAllow } = provider;
  return {
    pathPrefix,
    headersToAdd: Object.entries(additionalHeaders)
      .map(([name, value]) => ({ name: name.toLowerCase(), value }))
      .toSorted((left, right) => (left.name < right.name ? -1 : 1)),
    upstreamHeaders: orDefault(toUpstreamOnAllow),
    upstreamHeadersToAppend: undefined,
    clientHeaders: orDefault(toDownstreamOnDeny),
    clientHeadersOnSuccess: orDefault(toDownstreamOnAllow),
    metadataHeaders: undefined,
  };
}

function orDefault(list: readonly StringMatch[]): readonly StringMatch[] | undefined {
  return list.length === 0 ? undefined : list;
}
