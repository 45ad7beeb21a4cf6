import type { ConnectionRouteSet, ConnectionRule } from "../connection-route-set.ts";
import { type Mesh, matchesLabels } from "../mesh.ts";
import { byAge, mostSpecificHost, visibleFrom } from "./host.ts";
import type { Client } from "./policy.ts";
import type { RouteTarget } from "./route.ts";

/**
 * The rules that hold for a client's connections to a service's port, in their order; empty: none.
 * Of several VirtualServices the most specific host holds, then the oldest, as for HTTP.
 */
export function connectionRulesFor(
  mesh: Pick<Mesh, "connectionRoutes">,
  client: Client,
  target: RouteTarget,
  port: number,
): readonly ConnectionRule[] {
  const seen = mesh.connectionRoutes.filter(
    (set) => set.namespace === client.namespace || visibleFrom(client.namespace, set.exportTo),
  );
  const host = mostSpecificHost(
    seen.flatMap((set) => set.hosts),
    target.host,
  );
  if (host === undefined) return [];
  const set = seen.filter(({ hosts }) => hosts.includes(host)).toSorted(byAge)[0];
  return set === undefined ? [] : concerning(set, client, port);
}

/** Rules without a match that can hold for this client and port are left out. */
function concerning(
  { rules }: ConnectionRouteSet,
  client: Client,
  port: number,
): readonly ConnectionRule[] {
  return rules.flatMap((rule) => {
    if (rule.matches.length === 0) return [rule];
    const matches = rule.matches.filter(({ port: wanted, sourceLabels, sourceNamespace }) => {
      if (wanted !== undefined && wanted !== port) return false;
      if (sourceNamespace !== undefined && sourceNamespace !== client.namespace) return false;
      return sourceLabels === undefined || matchesLabels(client.labels, sourceLabels);
    });
    return matches.length === 0 ? [] : [{ ...rule, matches }];
  });
}
