/** A circuit of scope `mesh`, as proxies and the control plane call it. */
export interface MeshCircuitKey {
  /** `namespace/name` of the policy. */
  readonly circuit: string;
  /** The cluster's or the route's name. */
  readonly place: string;
}

/** What a proxy has found out by itself. */
export interface CircuitNews extends MeshCircuitKey {
  readonly state: "open" | "closed";
}

/** The circuits of a proxy that are the whole mesh's. */
export interface MeshCircuits {
  /** There are such. */
  readonly any: boolean;
  /** What has changed since the last time that somebody asked, the oldest first. */
  news(): readonly CircuitNews[];
  /** Those that this proxy has found open and that are so still. */
  openByItself(): readonly CircuitNews[];
  /** Another proxy's circuit is open, for so long still. */
  openFor(key: MeshCircuitKey, remainingMs: number): void;
  /** Another proxy's probes have succeeded. */
  close(key: MeshCircuitKey): void;
}
