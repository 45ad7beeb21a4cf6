import { systemClock } from "../base/clock.ts";
import { hasErrors } from "../base/diagnostic.ts";
import { ControlPlane } from "./control-plane.ts";
import type { ControlOptions, ControlStart } from "./running-control.ts";
import { readSources } from "./watch/documents.ts";

/**
 * Starts the control plane: watch → translate → merge and validate → snapshot → push. Where the
 * first reading has errors nothing is started, and all of them are told.
 */
export async function startControl(options: ControlOptions): Promise<ControlStart> {
  const clock = options.clock ?? systemClock;
  const plane = new ControlPlane(options, clock);
  const sources = await readSources(options.paths);
  const change = plane.read(sources);
  if (hasErrors(change.diagnostics)) {
    return { kind: "refused", diagnostics: change.diagnostics };
  }
  try {
    await plane.serve();
  } catch (error) {
    // Of several doors some may be open.
    await plane.stop();
    throw error;
  }
  if (options.watch !== false) plane.follow(sources);
  return { kind: "running", control: plane };
}
