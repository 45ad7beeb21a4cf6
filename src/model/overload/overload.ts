/** What a proxy does about too much load (Envoy: config.overload.v3.OverloadManager). */
export interface OverloadConfig {
  /** How often resources are looked at. */
  readonly refreshIntervalMs: number;
  readonly monitors: readonly ResourceMonitor[];
  /** Of all listeners together; undefined: as many as descriptors allow. */
  readonly maxDownstreamConnections: number | undefined;
  readonly actions: readonly OverloadAction[];
}

/** Says of one resource how much of it is used: 0, nothing, to 1, all. Triggers name it. */
export type ResourceMonitor =
  | { readonly kind: "fixedHeap"; readonly name: string; readonly maxBytes: number }
  /** A file that holds a number from 0 to 1: for tests of the actions. */
  | { readonly kind: "injected"; readonly name: string; readonly path: string }
  /** Our own: of the memory that this process may use, as the container or V8 bounds it. */
  | { readonly kind: "memory"; readonly name: string };

/** Envoy's names without `envoy.overload_actions.`. */
export const OVERLOAD_ACTIONS = [
  "disable_http_keepalive",
  "stop_accepting_requests",
  "stop_accepting_connections",
  "reject_incoming_connections",
  "reduce_timeouts",
  "shrink_heap",
] as const;

export type OverloadActionName = (typeof OVERLOAD_ACTIONS)[number];

export interface OverloadAction {
  readonly name: OverloadActionName;
  /** The strongest of them counts. */
  readonly triggers: readonly OverloadTrigger[];
  /** Of `reduce_timeouts`: what idle connections of clients are left at saturation. */
  readonly idleFloor: TimerFloor | undefined;
}

/** Nothing up to `from`, saturated at `to`, in between a part; both the same: on or off. */
export interface OverloadTrigger {
  /** A monitor's name. */
  readonly resource: string;
  readonly from: number;
  readonly to: number;
}

/** A timer's shortest time: absolute, or a share (0 to 1) of what is configured. */
export type TimerFloor = { readonly minMs: number } | { readonly minShare: number };
