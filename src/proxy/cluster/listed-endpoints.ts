import type { ClusterLoadAssignment, Endpoint, Locality } from "../../model/endpoint.ts";
import type { LocalityPlace } from "../balance/priority/host-set.ts";
import type { SocketLabels } from "./transport-choice.ts";

/** What the only host of a LOGICAL_DNS cluster is known by; no address. */
export const LOGICAL = "logical";

/** One endpoint and where it stands. */
export interface Listed {
  readonly endpoint: Endpoint;
  /** The locality's. */
  readonly labels: SocketLabels;
  readonly priority: number;
  readonly locality: Locality;
  readonly place: LocalityPlace;
}

/** Every endpoint once, where it stands first. */
export function* listed({ localities }: ClusterLoadAssignment): Generator<Listed> {
  for (const { transportSocketMatch: labels, ...rest } of localities) {
    const { locality, weight, priority, endpoints } = rest;
    const { region, zone, subZone } = locality;
    const place = { key: `${region}\0${zone}\0${subZone}`, weight };
    for (const endpoint of endpoints) yield { endpoint, labels, priority, locality, place };
  }
}
