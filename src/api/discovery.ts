/** One group of Prometheus' `http_sd` (prometheus.io, "HTTP SD"): `GET /sd`. */
export interface DiscoveryTarget {
  /** `10.44.0.7:15020`. */
  readonly targets: readonly string[];
  /** `__metrics_path__`, and what every series of the target carries. */
  readonly labels: Readonly<Record<string, string>>;
}
