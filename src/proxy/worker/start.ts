import { systemClock } from "../../base/clock.ts";
import { Registry } from "../../metrics/registry.ts";
import { NOTHING_INHERITED } from "../graceful/inheritance.ts";
import { type ProxyOptions, type ServingProxy, serve } from "../main.ts";
import { DEFAULT_OVERLOAD } from "../overload/overload.ts";
import { countingParts } from "./assemble.ts";
import { Fleet } from "./fleet.ts";

/** A proxy whose data plane runs on threads of its own. */
export interface WorkersProxy extends ServingProxy {
  readonly fleet: Fleet;
}

/** What workers take of this thread's world is the machine's: they cannot be handed another. */
export type WorkersOptions = Pick<
  ProxyOptions,
  | "bootstrap"
  | "version"
  | "carrying"
  | "drainTimes"
  | "inherited"
  | "localSecrets"
  | "onNotice"
  | "onQuit"
  | "registry"
>;

/** As `startProxy`, on so many workers. */
export async function startWorkers(
  options: WorkersOptions,
  workers: number,
): Promise<WorkersProxy> {
  const { bootstrap, version = "", onNotice = () => undefined } = options;
  const { carrying = bootstrap.carrying } = options;
  const clock = systemClock;
  const { registry = new Registry() } = options;
  const { node, overload = DEFAULT_OVERLOAD } = bootstrap;
  const counting = countingParts({ node, version, registry, clock, onNotice, overload });
  const { inherited = NOTHING_INHERITED } = options;
  const of = { workers, bootstrap, version, carrying, inherited };
  const fleet = new Fleet({ ...of, clock, counting, onNotice });
  try {
    const running = await serve(options, fleet);
    return Object.assign(running, { fleet });
  } catch (error) {
    await fleet.stop(0);
    throw error;
  }
}
