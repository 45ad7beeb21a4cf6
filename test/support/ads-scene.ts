/** A proxy as a program, on an ADS server of ours that a test feeds with snapshots. */
import { systemClock } from "../../src/base/clock.ts";
import { type AdsServer, startAdsServer } from "../../src/control/server/ads-server.ts";
import type { Snapshot } from "../../src/control/server/snapshot-source.ts";
import { socketAddress } from "../../src/model/address.ts";
import type { Cluster } from "../../src/model/cluster.ts";
import type { Listener } from "../../src/model/listener.ts";
import type { RouteConfiguration } from "../../src/model/route.ts";
import { readBootstrap } from "../../src/proxy/bootstrap.ts";
import { ask } from "./ask.ts";
import {
  ENDS_SOON,
  eventually,
  freePort,
  type RunningProgram,
  startEnvoy,
} from "./envoy-process.ts";
import { Outrigger } from "./outrigger.ts";
import type { ProxyKind } from "./proxy-program.ts";
import { OVER_HTTP2, staticCluster } from "./proxy-setup.ts";
import { SettableSource } from "./settable-source.ts";

/**
 * Envoy's own JSON as a snapshot: routes that stand in listeners are asked for by name, endpoints
 * of static clusters come over EDS. Throws with every error of it.
 */
export function snapshotOf(
  version: string,
  listeners: readonly unknown[],
  clusters: readonly unknown[],
): Snapshot {
  const text = JSON.stringify({ static_resources: { listeners, clusters } });
  const { bootstrap, diagnostics } = readBootstrap(text, "snapshot.json");
  if (bootstrap === undefined) throw new Error(JSON.stringify(diagnostics, undefined, 2));
  const routes: RouteConfiguration[] = [];
  return {
    version,
    listeners: bootstrap.listeners.map((listener) => withoutRoutes(listener, routes)),
    routes,
    clusters: bootstrap.clusters.map(withoutEndpoints),
    endpoints: bootstrap.clusters.flatMap(({ discovery, loadAssignment }) =>
      discovery === "static" ? (loadAssignment ?? []) : [],
    ),
  };
}

function withoutEndpoints(cluster: Cluster): Cluster {
  return cluster.loadAssignment === undefined || cluster.discovery !== "static"
    ? cluster
    : { ...cluster, discovery: "eds", loadAssignment: undefined };
}

function withoutRoutes(listener: Listener, routes: RouteConfiguration[]): Listener {
  const filterChains = listener.filterChains.map((chain) => {
    const { filter } = chain;
    if (filter.kind !== "http" || filter.routes.kind !== "inline") return chain;
    const { config } = filter.routes;
    routes.push(config);
    const source = { kind: "rds", name: config.name } as const;
    return { ...chain, filter: { ...filter, routes: source } };
  });
  return { ...listener, filterChains };
}

function bootstrapOf(ads: number, admin: number): string {
  const address = { socket_address: { address: "127.0.0.1", port_value: admin } };
  const ADS = { ads: {}, resource_api_version: "V3" };
  return JSON.stringify({
    node: { id: "sidecar~1", cluster: "test" },
    admin: { address },
    dynamic_resources: {
      ads_config: {
        api_type: "GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds" } }],
      },
      cds_config: ADS,
      lds_config: ADS,
    },
    static_resources: { clusters: [staticCluster("xds", [ads], OVER_HTTP2)] },
  });
}

function startProxy(kind: ProxyKind, bootstrap: string, workers: number): RunningProgram {
  if (kind === "envoy") return startEnvoy(bootstrap);
  const args = ["proxy", "-c", "-", "--concurrency", `${workers}`, ...ENDS_SOON];
  const run = new Outrigger(args, bootstrap);
  return {
    pid: run.child.pid ?? 0,
    log: () => run.stderr,
    stop: async () => {
      run.child.kill("SIGTERM");
      await run.ended;
      run.clean();
    },
  };
}

/** The two programs. `stop` ends both. */
export class AdsScene {
  readonly source: SettableSource = new SettableSource();
  /** Responses that the proxy has refused. */
  rejected = 0;
  readonly #adminPort: number;
  #server: AdsServer | undefined;
  #adsPort = 0;
  #proxy: RunningProgram | undefined;

  private constructor(adminPort: number) {
    this.#adminPort = adminPort;
  }

  /** Starts with this snapshot; it has been acknowledged. */
  static async start(kind: ProxyKind, first: Snapshot, workers = 1): Promise<AdsScene> {
    const scene = new AdsScene(await freePort());
    scene.source.set(first);
    await scene.startControl();
    scene.#proxy = startProxy(kind, bootstrapOf(scene.#adsPort, scene.#adminPort), workers);
    try {
      await scene.synced(first.version);
      await eventually(`${kind} is ready`, () => scene.#isReady());
    } catch (error) {
      throw new Error(`${String(error)}\n${scene.log()}`);
    }
    return scene;
  }

  /** What the proxy wrote. */
  log(): string {
    return this.#proxy?.log() ?? "";
  }

  /** Where it was before. */
  async startControl(): Promise<void> {
    this.#server = await startAdsServer({
      address: socketAddress("127.0.0.1", this.#adsPort),
      source: this.source,
      clock: systemClock,
      observer: {
        pushed: () => undefined,
        synced: () => undefined,
        rejected: () => this.#reject(),
      },
    });
    this.#adsPort = this.#server.address.port;
  }

  /** Ends all its streams. */
  async stopControl(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** Serves the snapshot; resolves when the proxy has acknowledged all of it. */
  async push(snapshot: Snapshot): Promise<void> {
    this.source.set(snapshot);
    await this.synced(snapshot.version);
  }

  /** Serves what the proxy must refuse; resolves when it has. */
  async pushBad(snapshot: Snapshot): Promise<void> {
    const before = this.rejected;
    this.source.set(snapshot);
    await eventually("it is refused", async () => this.rejected > before);
  }

  async synced(version: string): Promise<void> {
    await eventually(`${version} is acknowledged`, async () => {
      const [client] = this.#server?.status() ?? [];
      // Routes are what a proxy asks for last.
      const asksForAll = client?.types.some(({ type }) => type === "route") === true;
      return asksForAll && client.synced && client.wanted === version;
    });
  }

  async stop(): Promise<void> {
    await this.#proxy?.stop();
    await this.stopControl();
  }

  async #isReady(): Promise<boolean> {
    const answer = await ask(socketAddress("127.0.0.1", this.#adminPort), "/ready");
    return answer.status === 200;
  }

  #reject(): void {
    this.rejected++;
  }
}
