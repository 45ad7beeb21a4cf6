import type { Permission, Principal, RbacPolicy } from "../../../model/filter/rbac.ts";
import type { StringMatch } from "../../../model/route.ts";

/** What a policy cannot match without: one of these names, or one of these paths. */
export interface PolicyNeed {
  readonly of: "peer" | "path";
  readonly values: readonly string[];
}

/** Undefined where anybody may match. */
export function needOf({ permissions, principals }: RbacPolicy): PolicyNeed | undefined {
  return needOfAny(principals) ?? needOfAny(permissions);
}

/** Something that each of them needs. */
function needOfAny(list: readonly (Permission | Principal)[]): PolicyNeed | undefined {
  const values: string[] = [];
  let of: "peer" | "path" | undefined;
  for (const one of list) {
    const need = needOfOne(one);
    if (need === undefined || (of !== undefined && of !== need.of)) return undefined;
    of = need.of;
    values.push(...need.values);
  }
  return of === undefined ? undefined : { of, values };
}

function needOfOne(one: Permission | Principal): PolicyNeed | undefined {
  switch (one.kind) {
    case "or":
      return needOfAny(one.of);
    case "and":
      for (const part of one.of) {
        const need = needOfOne(part);
        if (need !== undefined) return need;
      }
      return undefined;
    case "authenticated":
      return exactly("peer", one.name);
    case "urlPath":
      return exactly("path", one.match);
    default:
      return undefined;
  }
}

function exactly(of: "peer" | "path", match: StringMatch | undefined): PolicyNeed | undefined {
  if (match === undefined || match.kind !== "exact" || match.ignoreCase) return undefined;
  const { value } = match;
  // Paths are bytes, one a character.
  return { of, values: [of === "path" ? Buffer.from(value).toString("latin1") : value] };
}
