import type { Clock } from "../../base/clock.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { Address } from "../../model/address.ts";
import type { Bootstrap, ProxyConfig } from "../../model/bootstrap.ts";
import type { Thresholds } from "../../model/cluster.ts";
import type { HealthStatus, Locality } from "../../model/endpoint.ts";
import type { CircuitRow } from "../circuit/circuit-row.ts";
import type { DrainOptions, ServerState } from "../graceful/lifecycle.ts";
import type { RefusedRequest } from "../listener/refused/refused-requests.ts";
import type { RateThresholds, SuccessRates } from "../outlier/success-rate.ts";
import type { ContextCertificates } from "../secrets/context-certificates.ts";
import type { SecretRow } from "../secrets/secret-store.ts";

/** What the admin pages ask of a proxy; asked anew for each request. */
export interface AdminSource {
  readonly registry: Registry;
  readonly bootstrap: Bootstrap;
  /** Of this program. */
  readonly version: string;
  readonly clock: Clock;
  /** LIVE: the proxy serves its configuration, and more traffic is welcome. */
  state(): ServerState;
  clusters(): Iterable<ClusterRow> | Promise<Iterable<ClusterRow>>;
  circuits(): Iterable<CircuitRow>;
  listeners(): Iterable<ListenerRow>;
  /** The requests that were refused last, the oldest first. */
  refused(): readonly RefusedRequest[] | Promise<readonly RefusedRequest[]>;
  /** What is served now, the bootstrap's own resources included. */
  configDump(): ProxyConfig;
  /** What its TLS contexts ask for, with their keys: nobody else may see them. */
  secrets(): readonly SecretRow[];
  /** What each TLS context shows and believes. */
  certificates(): readonly ContextCertificates[] | Promise<readonly ContextCertificates[]>;
  /** Sets counters and histograms to zero, before it has resolved. */
  onResetCounters(): void | Promise<void>;
  /** Ends the program, as SIGTERM does; the answer has been sent. */
  onQuit(): void;
  /** No more traffic shall be sent here, or may again be. */
  onHealthCheck(passes: boolean): void;
  /** Accepts nothing new, at once or after a while; requests under way finish. */
  onDrain(options: DrainOptions): void;
  /** Access logs that were moved away are left alone from now on. */
  onReopenLogs(): void;
}

export interface ClusterRow {
  readonly name: string;
  /** Envoy's `alt_stat_name`, else the name. */
  readonly observabilityName: string;
  /** False for clusters of the bootstrap. */
  readonly addedViaApi: boolean;
  readonly thresholds: Thresholds;
  /** Of its outlier detection; undefined where it has none. */
  readonly outliers: RateThresholds | undefined;
  readonly endpoints: Iterable<EndpointRow>;
}

/** Envoy's statistics of one endpoint, in the order in which it prints them. */
export const ENDPOINT_STATS = [
  "cx_active",
  "cx_connect_fail",
  "cx_total",
  "rq_active",
  "rq_error",
  "rq_pending_active",
  "rq_success",
  "rq_timeout",
  "rq_total",
] as const;

export type EndpointStat = (typeof ENDPOINT_STATS)[number];

export interface EndpointRow {
  readonly address: Address;
  readonly hostname: string;
  /** As discovery says. */
  readonly health: HealthStatus;
  /** As active checks say; and whether the last of them had no answer in time. */
  readonly failedCheck: boolean;
  readonly degradedCheck: boolean;
  readonly checkTimedOut: boolean;
  /** By outlier detection. */
  readonly ejected: boolean;
  /** By failure accrual, of some worker; left out: it is not. */
  readonly shut?: boolean;
  /** What it has seen of the host in its last interval. */
  readonly rates: SuccessRates;
  readonly weight: number;
  readonly priority: number;
  readonly locality: Locality;
  /** What is not counted is absent, and not printed. */
  readonly stats: Readonly<Partial<Record<EndpointStat, number>>>;
}

export interface ListenerRow {
  readonly name: string;
  /** Where it really listens: the kernel's port for a configured 0. */
  readonly address: Address;
}
