import type { Address } from "../../../model/address.ts";
import type { Host } from "../../cluster/host.ts";
import type { CheckOutcome } from "./outcome.ts";

/** Whom a probe tells. */
export interface ProbeOwner {
  /** Once for each check, unless it was cancelled. */
  onOutcome(outcome: CheckOutcome): void;
  onFault(error: unknown): void;
}

/** How one host is asked: one check at a time, on connections that no limit or statistic counts. */
export interface Probe {
  check(): void;
  /** The check has taken too long. */
  cancel(): void;
  /** For ever. */
  close(): void;
}

/** Where checks go: to the endpoint, or to another port of it. */
export function checkedAddress({ address, endpoint }: Host): Address {
  const port = endpoint.check?.port ?? 0;
  return port === 0 || address.kind !== "socket" ? address : { ...address, port };
}

/** Whom checks ask for: the endpoint's word counts before the check's, and the cluster is last. */
export function checkedName({ endpoint, cluster }: Host, authority: string): string {
  return endpoint.check?.hostname || authority || cluster.name;
}
