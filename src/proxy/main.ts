import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import { type Clock, systemClock } from "../base/clock.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { Registry } from "../metrics/registry.ts";
import { startSweeping } from "../metrics/sweeping.ts";
import type { Bootstrap, ProxyConfig } from "../model/bootstrap.ts";
import { type RunningAdmin, startAdminServers } from "./admin/proxy-servers.ts";
import type { Resolve } from "./cluster/resolution.ts";
import type { ConfigClient, ConfigClientState } from "./config-client.ts";
import { ConfigQueue } from "./config-queue.ts";
import { DataPlane } from "./data-plane.ts";
import { Faults } from "./faults.ts";
import { LocalLimits } from "./limits/limits.ts";
import { AccessLogs } from "./telemetry/access-log/access-logs.ts";
import { peerHeadersOf } from "./telemetry/standard/peer-metadata.ts";
import { Telemetry } from "./telemetry/telemetry.ts";

export interface ProxyOptions {
  readonly bootstrap: Bootstrap;
  /** Of this program, for `istio_build`. */
  readonly version?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly resolve?: Resolve;
  /** Carrying between Outrigger sidecars (carry/protocol.ts); default true. */
  readonly carrying?: boolean;
  /** Hears what a log should: the control plane come and gone, refusals. */
  readonly onNotice?: (notice: string) => void;
  /** Somebody asked the admin server to end the program. */
  readonly onQuit?: () => void;
}

/** A proxy that serves. */
export interface RunningProxy {
  readonly bootstrap: Bootstrap;
  readonly telemetry: Telemetry;
  readonly dataPlane: DataPlane;
  /** Where the admin server and those that face the pod's network listen. */
  readonly admin: RunningAdmin;
  /** True from the first complete configuration on, until it stops. */
  readonly ready: boolean;
  /** Undefined where the whole configuration is in the bootstrap. */
  readonly configuration: ConfigClientState | undefined;
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
  const { bootstrap, clock = systemClock } = options;
  const telemetry = new Telemetry(new Registry(), bootstrap.node, options.version ?? "");
  const accessLogs = new AccessLogs(telemetry.registry, clock);
  const dataPlane = new DataPlane({
    context: {
      clock,
      random: options.random ?? systemRandom,
      telemetry,
      resolve: options.resolve ?? resolveName,
      carrying: options.carrying ?? true,
      faults: new Faults(telemetry.registry, options.onNotice ?? silent),
      limitsOf: ({ thresholds }) => new LocalLimits(thresholds),
    },
    peerHeaders: peerHeadersOf(bootstrap.node),
    localAddress: ownAddress(),
    loggersOf: (hcm) => accessLogs.loggersOf(hcm),
  });
  const queue = new ConfigQueue((config) => dataPlane.apply(config), options.onNotice ?? silent);
  const client = await clientOf(options, (config) => queue.put(config));
  if (client === undefined) await dataPlane.apply(staticConfig(bootstrap));
  client?.start();
  let stopping = false;
  const ready = (): boolean => !stopping && (client === undefined || queue.served);
  const admin = await startAdminServers({
    bootstrap,
    version: options.version ?? "",
    clock,
    telemetry,
    dataPlane,
    ready,
    onQuit: options.onQuit ?? silent,
  });
  const stopSweeping = startSweeping(telemetry.registry, clock);
  return {
    bootstrap,
    telemetry,
    dataPlane,
    admin,
    get ready(): boolean {
      return ready();
    },
    get configuration(): ConfigClientState | undefined {
      return client?.state;
    },
    apply: (config) => dataPlane.apply(config),
    stop: async (graceMs = GRACE_MS) => {
      stopping = true;
      client?.stop();
      await dataPlane.stop(graceMs);
      stopSweeping();
      await Promise.all([admin.close(), accessLogs.close()]);
    },
  };
}

function silent(): void {
  // Nobody listens.
}

function staticConfig({ listeners, clusters }: Bootstrap): ProxyConfig {
  return { listeners, clusters, routes: [], endpoints: [] };
}

/** Undefined where the bootstrap names no control plane: then gRPC is not even loaded. */
async function clientOf(
  { bootstrap, clock, random, onNotice }: ProxyOptions,
  onConfig: (config: ProxyConfig) => void,
): Promise<ConfigClient | undefined> {
  if (bootstrap.ads === undefined) return undefined;
  const { ConfigClient } = await import("./config-client.ts");
  const chance = { clock: clock ?? systemClock, random: random ?? systemRandom };
  const notice = { onNotice: onNotice ?? silent };
  return new ConfigClient({ bootstrap, onConfig, ...chance, ...notice }, bootstrap.ads);
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
