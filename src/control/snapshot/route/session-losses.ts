import type { Diagnostic } from "../../../base/diagnostic.ts";
import type { HttpRule } from "../../../model/http-route-set.ts";
import type { Mesh } from "../../../model/mesh.ts";
import { subjectOf } from "../../../model/origin.ts";

/** Times of sessions that real Envoys do not hold clients to (OUT0315). */
export function sessionLosses({ routes }: Pick<Mesh, "routes">): readonly Diagnostic[] {
  const rules = new Map(
    routes.flatMap((set) => set.rules).map((rule) => [JSON.stringify(rule.origin), rule]),
  );
  return [...rules.values()].flatMap(lossOf);
}

function lossOf({ origin, session }: HttpRule): readonly Diagnostic[] {
  if (session?.kind !== "cookie") return [];
  const { absoluteMs, idleMs } = session;
  const lost = [
    idleMs === undefined ? [] : "idleTimeout",
    absoluteMs === undefined ? [] : "absoluteTimeout",
  ].flat();
  if (lost.length === 0) return [];
  return [
    {
      code: "OUT0315",
      severity: "warning",
      message: `Envoy's sessions in cookies have no ${lost.join(", no ")}`,
      position: origin.position,
      subject: subjectOf(origin),
      path: `${origin.path}.sessionPersistence`,
    },
  ];
}
