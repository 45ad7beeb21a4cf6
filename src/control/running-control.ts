import type { ProxyStatusRow } from "../api/status.ts";
import type { Clock } from "../base/clock.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import type { Registry } from "../metrics/registry.ts";
import type { SocketAddress } from "../model/address.ts";
import type { Mesh, MeshSettings, Pod } from "../model/mesh.ts";

export interface ControlOptions {
  /** Files and folders of YAML and JSON. */
  readonly paths: readonly string[];
  /** Where ADS listens; port 0 for any free one. */
  readonly adsAddress: SocketAddress;
  /** Where the HTTP server listens; port 0 for any free one. */
  readonly httpAddress: SocketAddress;
  readonly settings?: Partial<MeshSettings>;
  /** Follow changes of the files; default true. */
  readonly watch?: boolean;
  readonly clock?: Clock;
}

/** What starting came to: a control plane, or what forbids it. */
export type ControlStart =
  | { readonly kind: "running"; readonly control: RunningControl }
  | { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] };

export interface RunningControl {
  /** The last good mesh, each service with its virtual address. */
  readonly mesh: Mesh;
  /** Of the newest reading, which may be one that was not taken over. */
  readonly diagnostics: readonly Diagnostic[];
  readonly adsAddress: SocketAddress;
  readonly httpAddress: SocketAddress;
  /** What `/metrics` shows; others may add to it. */
  readonly metrics: Registry;
  /** All pods that exist now, ready or not; replaces what was told before. */
  setPods(pods: readonly Pod[]): void;
  /** One row a connected proxy. */
  status(): readonly ProxyStatusRow[];
  /** Calls back after each reading, good or bad. Returns the function that ends it. */
  onChange(listener: (change: ControlChange) => void): () => void;
  stop(): Promise<void>;
}

export interface ControlChange {
  readonly mesh: Mesh;
  readonly diagnostics: readonly Diagnostic[];
  /** False where the reading has errors, so that the mesh is the last good one. */
  readonly accepted: boolean;
}
