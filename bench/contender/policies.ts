/** Envoy's configuration of one hop with an RBAC filter, as JSON. */
import { configText } from "./sidecar.ts";

/** How many of them. */
export type Policies = 0 | 1 | 10 | 100;

const FILTERS = "type.googleapis.com/envoy.extensions.filters.http";
const METHODS = ["GET", "POST"].map((exact) => ({
  header: { name: ":method", string_match: { exact } },
}));

/** As Istio makes them of rules: methods and paths, or methods and callers. */
function policy(index: number): object {
  const path = index % 3 === 0 ? { exact: `/api/${index}` } : { prefix: `/items-${index}/` };
  const caller = { exact: `spiffe://cluster.local/ns/default/sa/caller-${index}` };
  const callers = [{ authenticated: { principal_name: caller } }];
  const wanted = [
    { or_rules: { rules: METHODS } },
    { or_rules: { rules: [{ url_path: { path } }] } },
  ];
  return {
    permissions: [{ and_rules: { rules: index % 3 === 2 ? wanted.slice(0, 1) : wanted } }],
    principals: [{ and_ids: { ids: index % 3 === 2 ? callers : [{ any: true }] } }],
  };
}

/** The last of the policies, in the order of their names, allows every request. */
export function policiesConfig(count: Policies, listen: number, origin: number): string {
  const yaml = configText("one-hop.yaml", { 10000: listen, 10001: origin });
  if (count === 0) return yaml;
  const name = (index: number) => `ns[default]-policy[web]-rule[${String(index).padStart(3, "0")}]`;
  const others = Array.from({ length: count - 1 }, (_, i) => [name(i), policy(i)]);
  const last = { permissions: [{ or_rules: { rules: METHODS } }], principals: [{ any: true }] };
  const rules = { policies: Object.fromEntries([...others, [name(count), last]]) };
  const typed_config = { "@type": `${FILTERS}.rbac.v3.RBAC`, rules };
  const filter = JSON.stringify({ name: "envoy.filters.http.rbac", typed_config });
  return yaml.replace(
    /^( *)http_filters:$/m,
    (line, indent: string) => `${line}\n${indent}  - ${filter}`,
  );
}
