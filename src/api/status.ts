import type { Diagnostic } from "../base/diagnostic.ts";

/** `GET /api/diagnostics`. */
export interface DiagnosticsReport {
  /** False where the newest reading has errors: the last good mesh is kept. */
  readonly accepted: boolean;
  readonly errors: number;
  readonly warnings: number;
  readonly diagnostics: readonly Diagnostic[];
}

/** `GET /api/status`: one row a connected proxy. */
export interface ProxyStatusRow {
  readonly nodeId: string;
  readonly namespace: string;
  readonly pod: string;
  /** `outrigger` or `envoy`. */
  readonly program: string;
  /** The version of the newest snapshot made for it; empty before the first. */
  readonly wanted: string;
  /** True where everything sent to it was acknowledged. */
  readonly synced: boolean;
  readonly resources: readonly ResourceStatusRow[];
}

export interface ResourceStatusRow {
  readonly type: "CDS" | "EDS" | "LDS" | "RDS" | "SDS";
  readonly sent: string;
  readonly acknowledged: string;
  /** What the proxy refused, in its own words; empty for nothing. */
  readonly rejection: string;
}
