import type { Diagnostic } from "../../base/diagnostic.ts";
import type { DestinationPolicy, Subset } from "../../model/destination-policy.ts";
import type { Mesh } from "../../model/mesh.ts";
import { hostMatches } from "../../model/precedence/host.ts";
import { isEmptyTraffic } from "../../model/precedence/policy.ts";
import { trapAt } from "./trap.ts";

type Asked = Pick<Mesh, "circuitBreakers" | "connectionRoutes" | "destinationPolicies" | "routes">;

/** What a subset says holds only for requests that some route sends to it by name: OUT0821. */
export function subsetTraps(mesh: Asked): readonly Diagnostic[] {
  const named = namedSubsets(mesh);
  return mesh.destinationPolicies.flatMap((policy) =>
    policy.subsets
      .filter((subset) => !isEmptyTraffic(subset.traffic) && !isNamed(named, policy, subset))
      .map(({ name, origin }) =>
        trapAt(origin, {
          code: "OUT0821",
          message:
            `No route sends anything to subset ${name} of ${policy.host}, so its trafficPolicy ` +
            "holds for nobody: requests to the host go to all endpoints, by the rule's own policy",
          found: `subset ${name}`,
          hint: `name it in a VirtualService, or move its policy to the rule's own trafficPolicy`,
        }),
      ),
  );
}

type Named = readonly { readonly host: string; readonly subset: string }[];

function namedSubsets({ circuitBreakers = [], connectionRoutes, routes }: Asked): Named {
  return [
    ...routes.flatMap(({ rules }) =>
      rules.flatMap(({ action }) =>
        action.kind === "split" ? [...action.backends, ...action.mirrors] : [],
      ),
    ),
    ...connectionRoutes.flatMap(({ rules }) => rules.flatMap(({ backends }) => backends)),
    ...circuitBreakers.flatMap(({ fallback }) => (fallback?.kind === "service" ? [fallback] : [])),
  ];
}

function isNamed(named: Named, { host }: DestinationPolicy, { name }: Subset): boolean {
  return named.some((each) => each.subset === name && hostMatches(host, each.host));
}
