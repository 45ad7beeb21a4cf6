import type { Labels } from "../../../model/mesh.ts";
import type { Fields } from "../fields.ts";

export const DISTRIBUTIONS: readonly string[] = ["PreferClose", "PreferSameZone", "PreferSameNode"];

/** Istio's annotation for Services. */
const NAME = "networking.istio.io/traffic-distribution";

/**
 * Whether endpoints near the client come first (Istio: GetTrafficDistribution): by the field
 * `spec.trafficDistribution`, else by the annotation, whatever the case of its letters. A word that
 * nobody knows means `Any`.
 */
export function prefersClose(
  written: string | undefined,
  annotations: Labels,
  fields: Pick<Fields<string>, "problemAt">,
): boolean {
  const annotated = annotations[NAME] ?? "";
  const known = DISTRIBUTIONS.find((each) => each.toLowerCase() === annotated.toLowerCase());
  const chosen = written ?? known;
  if (known === undefined && annotated !== "" && annotated.toLowerCase() !== "any") {
    fields.problemAt(["metadata", "annotations", NAME], {
      code: "IST0125",
      severity: "warning",
      message: `The annotation ${NAME} says nothing that is known`,
      found: annotated,
      allowed: [...DISTRIBUTIONS, "Any"].join(", "),
    });
  }
  if (chosen === "PreferSameNode") {
    const annotation = ["metadata", "annotations", NAME];
    fields.problemAt(written === undefined ? annotation : ["spec", "trafficDistribution"], {
      code: "OUT0201",
      severity: "info",
      message: "PreferSameNode is executed as PreferSameZone: nobody says on which node a pod runs",
    });
  }
  return chosen !== undefined;
}
