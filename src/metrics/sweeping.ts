import type { Clock, Timer } from "../base/clock.ts";
import type { Registry } from "./registry.ts";

/** How often rows are looked at; a table's `idleSweepsMax` counts these. */
export const SWEEP_MS = 300_000;

/** Sweeps the registry from now on, until what is returned is called. */
export function startSweeping(registry: Registry, clock: Clock): () => void {
  let timer: Timer;
  const sweepLater = (): void => {
    timer = clock.after(SWEEP_MS, () => {
      registry.sweep();
      sweepLater();
    });
  };
  sweepLater();
  return () => timer.cancel();
}
