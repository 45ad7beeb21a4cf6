// hot path: no allocation per request
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { RateThresholds } from "../outlier/success-rate.ts";
import type { ResetReason } from "../upstream/stream-handler.ts";
import type { Host } from "./host.ts";

/**
 * Hears what becomes of each try at one host, in this order (Envoy: DetectorHostMonitor):
 *
 * ```
 *   onStart -> onConnected -> onResponse -> onEnd
 *        \          \             \-------> onReset, onCancel
 *         \          \--------------------> onReset, onTimeout, onCancel
 *          \------------------------------> onReset, onTimeout, onCancel
 * ```
 *
 * A try that goes on although it is late, beside another that joins it, is told by `onTimeout` and
 * then by `onLateResponse`, `onLateReset`, or nothing more.
 *
 * Each try is told, retries as well, and before it is decided whether another follows. What the
 * proxy refuses itself, because a limit is reached, is a cancelled try.
 */
export interface HostMonitor {
  /** The host was picked: a request, or a TCP connection, goes for a connection to it. */
  onStart(): void;
  /** It has one. `final`: it is TCP, and this is the last that is heard of it. */
  onConnected(final: boolean): void;
  /**
   * The head of the final response, or the 101 of an upgrade. `grpcStatus`: what it says to a gRPC
   * call, 0..16; below 0: there is none, or no call.
   */
  onResponse(status: number, grpcStatus: number, headers: HeaderTable): void;
  /** The whole response has come; these are now its statuses, of head or trailers. */
  onEnd(status: number, grpcStatus: number): void;
  /** There was no response, or for TCP no connection, in time. */
  onTimeout(): void;
  /** There was no connection, or it, or the stream, was lost before the response was complete. */
  onReset(reason: ResetReason): void;
  /** Nobody waits any more, by no fault of the host. */
  onCancel(): void;
  /** As `onResponse`, of a try that had no response in time. */
  onLateResponse(status: number, grpcStatus: number): void;
  /** As `onReset`, likewise. */
  onLateReset(): void;
}

/** Knows of a host what other threads know. */
export interface HostGate {
  /** Brings `Host.shut` up to date. */
  sync(): void;
}

/** Judges the hosts of a cluster by what their monitors hear, and says which are out. */
export interface HostJudge {
  /**
   * From now on these are the cluster's hosts. New ones get a monitor (`Host.watch`); one that has
   * the place of another with the same address (`Host.succeed`) is as much out as that one was.
   * What is still heard of those that are gone counts no more.
   */
  follow(hosts: Iterable<Host>): void;
  /** A host has passed an active health check, and is well as far as these can say. */
  onCheckPassed?(host: Host): void;
  /** Below which success rates hosts are outliers now. */
  readonly rateThresholds?: RateThresholds;
  /** For ever: the cluster is gone. */
  stop(): void;
}

/** Both hear everything. */
export class BothMonitors implements HostMonitor {
  readonly #first: HostMonitor;
  readonly #second: HostMonitor;

  constructor(first: HostMonitor, second: HostMonitor) {
    this.#first = first;
    this.#second = second;
  }

  onStart(): void {
    this.#first.onStart();
    this.#second.onStart();
  }

  onConnected(final: boolean): void {
    this.#first.onConnected(final);
    this.#second.onConnected(final);
  }

  onResponse(status: number, grpcStatus: number, headers: HeaderTable): void {
    this.#first.onResponse(status, grpcStatus, headers);
    this.#second.onResponse(status, grpcStatus, headers);
  }

  onEnd(status: number, grpcStatus: number): void {
    this.#first.onEnd(status, grpcStatus);
    this.#second.onEnd(status, grpcStatus);
  }

  onTimeout(): void {
    this.#first.onTimeout();
    this.#second.onTimeout();
  }

  onReset(reason: ResetReason): void {
    this.#first.onReset(reason);
    this.#second.onReset(reason);
  }

  onCancel(): void {
    this.#first.onCancel();
    this.#second.onCancel();
  }

  onLateResponse(status: number, grpcStatus: number): void {
    this.#first.onLateResponse(status, grpcStatus);
    this.#second.onLateResponse(status, grpcStatus);
  }

  onLateReset(): void {
    this.#first.onLateReset();
    this.#second.onLateReset();
  }
}
