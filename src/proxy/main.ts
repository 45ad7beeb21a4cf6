import type { Transport } from "@connectrpc/connect";
import type { AccessToken } from "../base/access-token.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { Registry } from "../metrics/registry.ts";
import { startSweeping } from "../metrics/sweeping.ts";
import { formatAddress } from "../model/address.ts";
import type { Bootstrap, ProxyConfig } from "../model/bootstrap.ts";
import type { Secret } from "../model/transport/secret.ts";
import type { ClusterRow, ListenerRow } from "./admin/admin-source.ts";
import { adminAddresses, type RunningAdmin, startAdminServers } from "./admin/proxy-servers.ts";
import { clusterRows, listenerRows } from "./admin/proxy-source.ts";
import type { CircuitRow } from "./circuit/circuit-row.ts";
import type { MeshCircuits } from "./circuit/mesh/mesh-circuits.ts";
import { ownPortOf } from "./cluster/own-port.ts";
import type { ConfigClient, ConfigClientState } from "./config-client.ts";
import { ConfigQueue } from "./config-queue.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Resolve } from "./dns/resolver.ts";
import {
  closeUnwanted,
  type HeldSocket,
  type Inheritance,
  NOTHING_INHERITED,
} from "./graceful/inheritance.ts";
import { DRAIN_TIMES, type DrainTimes, type Leaving, Lifecycle } from "./graceful/lifecycle.ts";
import { LocalLimits } from "./limits/limits.ts";
import { ALONE } from "./listener/bound-socket.ts";
import type { Discouraging } from "./listener/listener-set.ts";
import type { RefusedRequest } from "./listener/refused/refused-requests.ts";
import { DEFAULT_OVERLOAD } from "./overload/overload.ts";
import type { ContextCertificates } from "./secrets/context-certificates.ts";
import type { LocalSecrets } from "./secrets/local-secrets.ts";
import { SecretStore } from "./secrets/secret-store.ts";
import { SdsStats } from "./telemetry/envoy/tls/sds-stats.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import { assemble, type ThreadParts } from "./worker/assemble.ts";

export interface ProxyOptions {
  readonly bootstrap: Bootstrap;
  /** Of this program, for `istio_build`. */
  readonly version?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly resolve?: Resolve;
  /** Carrying between Outrigger sidecars (carry/protocol.ts); default: what the bootstrap says. */
  readonly carrying?: boolean;
  /** Hears what a log should: the control plane come and gone, refusals. */
  readonly onNotice?: (notice: string) => void;
  /** What a predecessor has listened with. */
  readonly inherited?: Inheritance;
  /** How `leave` goes; default: docs/graceful.md. */
  readonly drainTimes?: DrainTimes;
  /** Somebody asked the admin server to end the program. */
  readonly onQuit?: () => void;
  /** What lets clients of other machines at the admin server; without it none is served. */
  readonly adminToken?: AccessToken | undefined;
  /** Secrets of an agent in this process; they answer for every SDS cluster. */
  readonly localSecrets?: LocalSecrets | undefined;
  /** Where the proxy counts, and others of this process may. Default: one of its own. */
  readonly registry?: Registry;
}

/** What serves: the data plane of this thread, or of several that work as one. */
export interface Plane {
  /** All metrics of the proxy. */
  readonly registry: Registry;
  /** What is served now. */
  readonly config: ProxyConfig;
  /** False while some of it has not begun to serve. */
  readonly ready: boolean;
  readonly listeners: readonly ListenerRow[];
  clusters(): readonly ClusterRow[] | Promise<readonly ClusterRow[]>;
  circuits(): readonly CircuitRow[];
  /** Those of them that are the whole mesh's. */
  readonly meshCircuits: MeshCircuits;
  /** The requests that were refused last, the oldest first. */
  refused(): readonly RefusedRequest[] | Promise<readonly RefusedRequest[]>;
  /** Swaps to another configuration as a whole, or rejects and changes nothing. */
  apply(config: ProxyConfig): Promise<void>;
  /** See `TlsContexts.supply`. */
  supply(secrets: ReadonlyMap<string, Secret | undefined>): void;
  /** What each TLS context shows and believes. */
  certificates(): readonly ContextCertificates[] | Promise<readonly ContextCertificates[]>;
  resetCounters(): void | Promise<void>;
  /** Access logs that were moved away are left alone from now on. */
  reopenLogs(): void;
  /** Goes on accepting, and tells clients to go elsewhere; undefined: no more. */
  discourage(discouraging: Discouraging | undefined): void;
  /** Accepts nothing new. */
  drain(discouraging: Discouraging): void;
  /** What it listens with, for a successor. */
  held(): readonly HeldSocket[] | Promise<readonly HeldSocket[]>;
  /** See `DataPlane.stop`. */
  stop(graceMs: number, patienceMs: number): Promise<void>;
}

/** A proxy that serves. */
export interface ServingProxy {
  readonly bootstrap: Bootstrap;
  /** Where the admin server and those that face the pod's network listen. */
  readonly admin: RunningAdmin;
  /** True from the first complete configuration on, until it stops. */
  readonly ready: boolean;
  /** Undefined where the whole configuration is in the bootstrap. */
  readonly configuration: ConfigClientState | undefined;
  /** Swaps to another configuration as a whole; see `Plane.apply`. */
  apply(config: ProxyConfig): Promise<void>;
  reopenLogs(): void;
  /** Accepts nothing new, lets requests finish, closes what is left after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
  /** As `stop`, and lets clients hear of it before; how long, the options say. */
  leave(): Promise<void>;
  /** What it listens with, the servers beside the data plane included. */
  held(): Promise<readonly HeldSocket[]>;
  /** A successor has the sockets that `held` told of, and accepts: ends what is under way. */
  makeWay(): Promise<void>;
}

/** A proxy whose data plane runs on this thread. */
export interface RunningProxy extends ServingProxy {
  readonly telemetry: Telemetry;
  readonly dataPlane: DataPlane;
}

const GRACE_MS = 5000;

/** Serves what the bootstrap asks for on this thread. Rejects where it cannot listen. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { bootstrap } = options;
  const parts = assemble({
    node: bootstrap.node,
    version: options.version ?? "",
    registry: options.registry ?? new Registry(),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    resolve: options.resolve,
    carrying: options.carrying ?? bootstrap.carrying,
    onNotice: options.onNotice ?? silent,
    limitsOf: ({ thresholds }) => new LocalLimits(thresholds),
    connectionsOf: (thresholds) => new LocalLimits(thresholds),
    overload: bootstrap.overload ?? DEFAULT_OVERLOAD,
    ownPort: ownPortOf(bootstrap),
  });
  const running = await serve(
    options,
    new LocalPlane(parts, bootstrap, options.inherited ?? NOTHING_INHERITED),
  );
  return Object.assign(running, { telemetry: parts.telemetry, dataPlane: parts.dataPlane });
}

/** Puts a data plane to work, and the servers that show it. Rejects where one cannot listen. */
export async function serve(options: ProxyOptions, plane: Plane): Promise<ServingProxy> {
  const { bootstrap, clock = systemClock, onNotice = silent } = options;
  const { inherited = NOTHING_INHERITED } = options;
  let left = inherited;
  const secrets = secretsOf(options, plane);
  const apply = async (config: ProxyConfig): Promise<void> => {
    await secrets.during(config, plane);
    // Now, as the next one closes what this one has taken and it does not want.
    closeUnwanted(left, new Set([...addressesOf(config), ...adminAddresses(bootstrap)]));
    left = NOTHING_INHERITED;
  };
  const queue = new ConfigQueue(apply, onNotice);
  const client = await clientOf(options, plane, secrets, (config) => queue.put(config));
  if (client === undefined) await apply(staticConfig(bootstrap));
  client?.start();
  const initialized = (): boolean =>
    plane.ready && (client === undefined || queue.served) && secrets.settled;
  const times = options.drainTimes ?? DRAIN_TIMES;
  const lifecycle = new Lifecycle(leavingOf(plane, client, secrets), clock, times, initialized);
  // Who asks the predecessor's admin server must not hear that nothing is ready.
  if (inherited.size > 0) await until(clock, initialized);
  const admin = await startAdminServers({
    inherited,
    bootstrap,
    version: options.version ?? "",
    clock,
    plane,
    lifecycle,
    secrets,
    adminToken: options.adminToken,
    onQuit: options.onQuit ?? silent,
  });
  const stopSweeping = startSweeping(plane.registry, clock);
  const end = async (drainTimes: DrainTimes): Promise<void> => {
    await lifecycle.leave(drainTimes);
    stopSweeping();
    await admin.close();
  };
  return {
    bootstrap,
    admin,
    get ready(): boolean {
      return lifecycle.state === "LIVE";
    },
    get configuration(): ConfigClientState | undefined {
      return client?.state;
    },
    apply,
    reopenLogs: () => plane.reopenLogs(),
    stop: (graceMs = GRACE_MS) => end({ drainMs: graceMs, acceptMs: 0 }),
    leave: () => end(times),
    held: async () => [...(await plane.held()), ...admin.held],
    makeWay: async () => {
      await admin.close();
      await lifecycle.makeWay();
      stopSweeping();
    },
  };
}

function secretsOf(options: ProxyOptions, plane: Plane): SecretStore {
  const { bootstrap, clock, localSecrets, onNotice, random } = options;
  return new SecretStore({
    ...{ bootstrap, localSecrets, stats: new SdsStats(plane.registry) },
    clock: clock ?? systemClock,
    random: random ?? systemRandom,
    onSecrets: (secrets) => plane.supply(secrets),
    onNotice: onNotice ?? silent,
  });
}

function leavingOf(plane: Plane, client: ConfigClient | undefined, secrets: SecretStore): Leaving {
  return {
    discourage: (discouraging) => plane.discourage(discouraging),
    drain: (discouraging) => plane.drain(discouraging),
    stop: (graceMs, patienceMs) => {
      // A new configuration would open listeners again.
      client?.stop();
      secrets.stop();
      return plane.stop(graceMs, patienceMs);
    },
  };
}

/** The data plane of this thread. */
class LocalPlane implements Plane {
  readonly #parts: ThreadParts;
  readonly #bootstrap: Bootstrap;
  readonly ready = true;

  /** Until the first configuration has it. */
  #inherited: Inheritance;

  constructor(parts: ThreadParts, bootstrap: Bootstrap, inherited: Inheritance) {
    this.#parts = parts;
    this.#bootstrap = bootstrap;
    this.#inherited = inherited;
  }

  get registry(): Registry {
    return this.#parts.telemetry.registry;
  }

  get config(): ProxyConfig {
    return this.#parts.dataPlane.config;
  }

  get listeners(): readonly ListenerRow[] {
    return listenerRows(this.#parts.dataPlane.listeners);
  }

  clusters(): readonly ClusterRow[] {
    return clusterRows(this.#parts.dataPlane.clusters, this.#bootstrap);
  }

  get meshCircuits(): MeshCircuits {
    return this.#parts.dataPlane.meshCircuits;
  }

  circuits(): readonly CircuitRow[] {
    return this.#parts.dataPlane.circuits;
  }

  refused(): readonly RefusedRequest[] {
    return this.#parts.telemetry.refused.all;
  }

  async apply(config: ProxyConfig): Promise<void> {
    const prepared = await this.#parts.dataPlane.prepare(config, {
      ...ALONE,
      inherited: this.#inherited,
    });
    await prepared.commit();
    this.#inherited = NOTHING_INHERITED;
  }

  supply(secrets: ReadonlyMap<string, Secret | undefined>): void {
    this.#parts.tls.supply(secrets);
  }

  certificates(): readonly ContextCertificates[] {
    return this.#parts.tls.certificates;
  }

  resetCounters(): void {
    this.registry.resetCounters();
  }

  held(): readonly HeldSocket[] {
    return this.#parts.dataPlane.listeners.held;
  }

  discourage(discouraging: Discouraging | undefined): void {
    this.#parts.dataPlane.listeners.discourage(discouraging);
  }

  drain(discouraging: Discouraging): void {
    this.#parts.dataPlane.listeners.drain(discouraging);
  }

  reopenLogs(): void {
    this.#parts.accessLogs.reopen();
  }

  async stop(graceMs: number, patienceMs: number): Promise<void> {
    await this.#parts.dataPlane.stop(graceMs, patienceMs);
    await this.#parts.accessLogs.close();
  }
}

function silent(): void {
  // Nobody listens.
}

const POLL_MS = 10;

async function until(clock: Clock, holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise<void>((resolve) => {
      clock.after(POLL_MS, resolve);
    });
  }
}

/** Where a configuration listens. */
function addressesOf({ listeners }: ProxyConfig): readonly string[] {
  return listeners.flatMap(({ address, bindToPort }) =>
    bindToPort ? [formatAddress(address)] : [],
  );
}

function staticConfig({ listeners, clusters }: Bootstrap): ProxyConfig {
  return { listeners, clusters, routes: [], endpoints: [] };
}

/** Undefined where the bootstrap names no control plane: then gRPC is not even loaded. */
async function clientOf(
  { bootstrap, clock, random, onNotice, localSecrets }: ProxyOptions,
  { meshCircuits: circuits }: Plane,
  secrets: SecretStore,
  onConfig: (config: ProxyConfig) => void,
): Promise<ConfigClient | undefined> {
  if (bootstrap.ads === undefined) return undefined;
  const { ConfigClient } = await import("./config-client.ts");
  const { CircuitStream } = await import("./circuit/mesh/circuit-stream.ts");
  const chance = { clock: clock ?? systemClock, random: random ?? systemRandom };
  const notice = { onNotice: onNotice ?? silent };
  const options = { bootstrap, localSecrets, onConfig, ...chance, ...notice };
  const stream = new CircuitStream({ node: bootstrap.node, circuits, ...chance, ...notice });
  const onSecretsRefused: SecretStore["refused"] = (names, why) => secrets.refused(names, why);
  const hooks = {
    onSecretsRefused,
    onConnected: (transport: Transport) => stream.connected(transport),
    onDisconnected: () => stream.disconnected(),
  };
  return new ConfigClient({ ...options, ...hooks }, bootstrap.ads);
}
