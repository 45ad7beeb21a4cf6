import type { Snapshot, SnapshotSource } from "../../src/control/server/snapshot-source.ts";

/** Snapshots that a test writes. */
export class SettableSource implements SnapshotSource {
  #snapshot: Snapshot | undefined;
  readonly #listeners = new Set<() => void>();

  set(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const listener of this.#listeners) listener();
  }

  snapshotFor(): Snapshot | undefined {
    return this.#snapshot;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
