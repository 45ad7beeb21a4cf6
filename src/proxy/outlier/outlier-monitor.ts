// hot path: no allocation per request
import { httpStatusOfGrpc } from "../../codec/grpc/status.ts";
import type { OutlierDetection } from "../../model/upstream/outlier-detection.ts";
import type { HostMonitor } from "../cluster/host-monitor.ts";
import type { HostRecord, InARow } from "./host-record.ts";

export type OutlierThresholds = Pick<
  OutlierDetection,
  | "consecutive5xx"
  | "consecutiveGatewayFailure"
  | "consecutiveLocalOriginFailure"
  | "splitExternalLocalOriginErrors"
>;

export interface OutlierMonitorOwner {
  /** So many failures in a row as it takes; told once for each time. */
  onFailuresInARow(row: InARow): void;
}

const OK = 200;
const UNAVAILABLE = 503;
const GATEWAY_TIMEOUT = 504;

/**
 * Counts what becomes of tries at one host (Envoy: DetectorHostMonitorImpl). Unless errors are
 * split by origin, failures to reach the host count as the gateway's own answers 503 and 504.
 */
export class OutlierMonitor implements HostMonitor {
  record: HostRecord;
  readonly #thresholds: OutlierThresholds;
  readonly #owner: OutlierMonitorOwner;

  constructor(record: HostRecord, thresholds: OutlierThresholds, owner: OutlierMonitorOwner) {
    this.record = record;
    this.#thresholds = thresholds;
    this.#owner = owner;
  }

  onStart(): void {
    // Nothing is known yet.
  }

  /** That a host can be reached says nothing against its answers. */
  onConnected(final: boolean): void {
    if (this.#thresholds.splitExternalLocalOriginErrors) this.#reached();
    else if (final) this.#answered(OK);
  }

  onResponse(status: number, grpcStatus: number): void {
    const code = grpcStatus < 0 ? status : httpStatusOfGrpc(grpcStatus);
    this.#answered(code);
    if (code < 500 && this.#thresholds.splitExternalLocalOriginErrors) this.#reached();
  }

  onEnd(): void {
    // The head has said it.
  }

  onTimeout(): void {
    if (this.#thresholds.splitExternalLocalOriginErrors) this.#notReached();
    else this.#answered(GATEWAY_TIMEOUT);
  }

  onReset(): void {
    if (this.#thresholds.splitExternalLocalOriginErrors) this.#notReached();
    else this.#answered(UNAVAILABLE);
  }

  onCancel(): void {
    // No fault of the host.
  }

  /** Envoy counts both that it is late, and what it says. */
  onLateResponse(status: number, grpcStatus: number): void {
    this.onResponse(status, grpcStatus);
  }

  onLateReset(): void {
    this.onReset();
  }

  /** The gateway's failures are judged first: a host that they eject is not ejected twice. */
  #answered(code: number): void {
    const record = this.record;
    const failed = code >= 500 && code < 600;
    record.count("external", !failed);
    if (!failed) {
      record.clear("5xx");
      record.clear("gateway");
      return;
    }
    if (code >= 502 && code <= 504) {
      this.#fail("gateway", this.#thresholds.consecutiveGatewayFailure);
    } else {
      record.clear("gateway");
    }
    this.#fail("5xx", this.#thresholds.consecutive5xx);
  }

  #reached(): void {
    this.record.count("localOrigin", true);
    this.record.clear("localOrigin");
  }

  #notReached(): void {
    this.record.count("localOrigin", false);
    this.#fail("localOrigin", this.#thresholds.consecutiveLocalOriginFailure);
  }

  #fail(row: InARow, threshold: number): void {
    if (this.record.fail(row) === threshold) this.#owner.onFailuresInARow(row);
  }
}
