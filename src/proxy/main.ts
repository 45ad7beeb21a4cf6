import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import { type Clock, systemClock } from "../base/clock.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { Registry } from "../metrics/registry.ts";
import type { Bootstrap, ProxyConfig } from "../model/bootstrap.ts";
import type { Resolve } from "./cluster/resolution.ts";
import { DataPlane } from "./data-plane.ts";
import { peerHeadersOf } from "./telemetry/standard/peer-metadata.ts";
import { Telemetry } from "./telemetry/telemetry.ts";

export interface ProxyOptions {
  readonly bootstrap: Bootstrap;
  /** Of this program, for `istio_build`. */
  readonly version?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly resolve?: Resolve;
}

/** A proxy that serves. */
export interface RunningProxy {
  readonly bootstrap: Bootstrap;
  readonly telemetry: Telemetry;
  readonly dataPlane: DataPlane;
  /** Swaps to another configuration as a whole; see `DataPlane.apply`. */
  apply(config: ProxyConfig): Promise<void>;
  /** Accepts nothing new, lets requests finish, closes what is left after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

/** The documentation range's first address (RFC 5737), where the machine has no other. */
const NO_ADDRESS = "192.0.2.1";
const GRACE_MS = 5000;

/** Starts the data plane on what the bootstrap holds itself. Rejects where it cannot listen. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { bootstrap } = options;
  const telemetry = new Telemetry(new Registry(), bootstrap.node, options.version ?? "");
  const dataPlane = new DataPlane({
    context: {
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      telemetry,
      resolve: options.resolve ?? resolveName,
    },
    peerHeaders: peerHeadersOf(bootstrap.node),
    localAddress: ownAddress(),
    loggersOf: () => [],
  });
  await dataPlane.apply({
    listeners: bootstrap.listeners,
    clusters: bootstrap.clusters,
    routes: [],
    endpoints: [],
  });
  return {
    bootstrap,
    telemetry,
    dataPlane,
    apply: (config) => dataPlane.apply(config),
    stop: (graceMs = GRACE_MS) => dataPlane.stop(graceMs),
  };
}

async function resolveName(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, family: 4 });
  return found.map(({ address }) => address);
}

/** An address of this machine that others can reach. */
function ownAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family, internal } of addresses ?? []) {
      if (family === "IPv4" && !internal) return address;
    }
  }
  return NO_ADDRESS;
}
