import type { NetworkRbac, Rbac } from "../../../model/filter/rbac.ts";
import type { HttpFilter, RbacFilter } from "../../../model/listener.ts";
import type { Mesh, Pod } from "../../../model/mesh.ts";
import type { AccessPolicy } from "../../../model/policy/access-policy.ts";
import { accessRbacs, customRbacs } from "./access/access-rbacs.ts";
import { policiesAt } from "./access/scope.ts";
import { customFilters, providerOf } from "./custom.ts";
import { jwtFilters } from "./jwt-filter.ts";

/** What a pod's sidecar asks before it serves one port. */
export interface InboundPolicies {
  /** In the order in which they are asked, between telemetry and the router. */
  readonly httpFilters: readonly HttpFilter[];
  /** Of connections that are carried as TCP. */
  readonly rbac: readonly NetworkRbac[];
}

export const NO_POLICIES: InboundPolicies = { httpFilters: [], rbac: [] };

/** As istiod calls it. */
const HTTP_NAME = "envoy.filters.http.rbac";
const TCP_STAT_PREFIX = "tcp.";

/** Policies that hold for a port of a pod; `port`: undefined for ports that nobody declares. */
export function inboundPolicies(mesh: Mesh, pod: Pod, port: number | undefined): InboundPolicies {
  const policies = policiesAt(mesh, pod, port);
  const tokens = jwtFilters(mesh, pod, port);
  if (policies.length === 0 && tokens.length === 0) return NO_POLICIES;
  const { settings } = mesh;
  return {
    httpFilters: [
      ...askingFilters(policies, mesh),
      ...tokens,
      ...accessRbacs(policies, settings, "http").map(requestFilter),
    ],
    rbac: [
      ...customRbacs(policies, settings, "tcp").map(connectionFilter),
      ...accessRbacs(policies, settings, "tcp").map(connectionFilter),
    ],
  };
}

/** Where nobody can be asked, what the policies are about is denied (Istio does the same). */
function askingFilters(policies: readonly AccessPolicy[], mesh: Mesh): readonly HttpFilter[] {
  const asking = policies.filter(({ action, dryRun }) => action === "custom" && !dryRun);
  const provider = providerOf(asking, mesh);
  if (provider !== undefined) return customFilters(asking, provider, mesh.settings);
  return customRbacs(policies, mesh.settings, "http").map(requestFilter);
}

function requestFilter(rbac: Rbac): RbacFilter {
  return { kind: "rbac", name: HTTP_NAME, rbac };
}

/** Envoy counts by rule where there are requests. */
function connectionFilter(rbac: Rbac): NetworkRbac {
  return { ...rbac, trackPerRuleStats: false, statPrefix: TCP_STAT_PREFIX };
}
