import type { Locality } from "../endpoint.ts";
import type { Labels } from "../mesh.ts";

export const REGION_LABEL = "topology.kubernetes.io/region";
export const ZONE_LABEL = "topology.kubernetes.io/zone";
export const SUBZONE_LABEL = "topology.istio.io/subzone";
/** Istio's own, on a pod: `region.zone.subzone`, or with slashes. It wins. */
export const LOCALITY_LABEL = "istio-locality";

/** The labels that say where somebody runs. */
export const LOCALITY_LABELS: readonly string[] = [
  LOCALITY_LABEL,
  REGION_LABEL,
  ZONE_LABEL,
  SUBZONE_LABEL,
];

/** Where a pod runs, as its labels say (Kubernetes copies the node's topology to them). */
export function localityOf(labels: Labels): Locality {
  const written = labels[LOCALITY_LABEL] ?? "";
  if (written !== "") {
    return parseLocality(written.includes("/") ? written : written.replaceAll(".", "/"));
  }
  return {
    region: labels[REGION_LABEL] ?? "",
    zone: labels[ZONE_LABEL] ?? "",
    subZone: labels[SUBZONE_LABEL] ?? "",
  };
}

/** `region/zone/subzone`; what is left out is empty. */
export function parseLocality(text: string): Locality {
  const [region = "", zone = "", subZone = ""] = text.split("/");
  return { region, zone, subZone };
}

/** Whether a place is in another, of which `*`, and all that is left out, is any place. */
export function isWithin({ region, zone, subZone }: Locality, place: string): boolean {
  const parts = place.split("/");
  return [region, zone, subZone].every((own, level) => {
    const part = parts[level] ?? "*";
    return part === "*" || part === own;
  });
}
