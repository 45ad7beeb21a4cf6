/** A proxy's listeners for every protocol of the ledger, and a load on each of them at once. */
import { freePort } from "./envoy-process.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { type Load, type LoadRecord, startLoad } from "./ledger/load.ts";
import type { LedgerOrigin } from "./ledger/origin/origin.ts";
import { GRPC_PATHS, type Method, type Protocol } from "./ledger/request.ts";
import { type JudgeOptions, judge, type Verdict } from "./ledger/verdict.ts";
import { httpListener, OVER_HTTP2, staticCluster } from "./proxy-setup.ts";

type Door = "http1" | "http2" | "tcp";

export type ListenPorts = Readonly<Record<Door, number>>;

export async function freePorts(): Promise<ListenPorts> {
  return { http1: await freePort(), http2: await freePort(), tcp: await freePort() };
}

const FILTERS = "type.googleapis.com/envoy.extensions.filters.network";

/** How one configuration differs from the next. */
export interface Variant {
  /** Clusters are called `NAME-http1`, `NAME-http2`, `NAME-tcp`. */
  readonly name: string;
  /** Those that may be asked. */
  readonly origins: readonly LedgerOrigin[];
  /** Before the one that matches. */
  readonly otherRoutes: number;
  /** Changes the listeners themselves, and so their filter chains. */
  readonly serverName: string;
  /** Envoy's `RetryPolicy` for what may be executed twice; without one nothing is tried again. */
  readonly retries?: unknown;
  /** For POSTs. */
  readonly retriesOfPosts?: unknown;
  /** Further fields of each cluster. */
  readonly cluster?: Readonly<Record<string, unknown>>;
}

/** Envoy's JSON. */
export interface ProxyResources {
  readonly listeners: readonly unknown[];
  readonly clusters: readonly unknown[];
}

function at(listener: unknown, port: number): unknown {
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  return { ...(listener as object), address };
}

function web(name: "http1" | "http2", variant: Variant, port: number): unknown {
  const { otherRoutes, serverName, retries, retriesOfPosts } = variant;
  const cluster = `${variant.name}-${name}`;
  const others = Array.from({ length: otherRoutes }, (_, index) => ({
    match: { prefix: `/other/${index}` },
    route: { cluster },
  }));
  const isGet = [{ name: ":method", string_match: { exact: "GET" } }];
  const repeatable = { cluster, ...(retries === undefined ? {} : { retry_policy: retries }) };
  const posts = retriesOfPosts === undefined ? {} : { retry_policy: retriesOfPosts };
  const routes = [
    ...others,
    { match: { path: GRPC_PATHS.GET }, route: repeatable },
    { match: { prefix: "/", headers: isGet }, route: repeatable },
    { match: { prefix: "/" }, route: { cluster, ...posts } },
  ];
  const upgrades = [{ upgrade_type: "websocket" }];
  const hcm = { server_name: serverName, upgrade_configs: upgrades };
  return at(httpListener({ name, hcm, routes }), port);
}

function stream(variant: Variant, port: number): unknown {
  const typed_config = {
    "@type": `${FILTERS}.tcp_proxy.v3.TcpProxy`,
    stat_prefix: variant.serverName,
    cluster: `${variant.name}-tcp`,
    max_connect_attempts: 3,
  };
  return at({ name: "tcp", filter_chains: [{ filters: [{ name: "tcp", typed_config }] }] }, port);
}

/** However busy the machine is, an origin that listens is there. */
const PATIENT = { connect_timeout: "60s" };

export function resourcesOf(variant: Variant, ports: ListenPorts): ProxyResources {
  const cluster = (door: Door, more: Readonly<Record<string, unknown>> = {}): unknown => {
    const to = variant.origins.map((origin) => origin.ports[door]);
    const fields = { ...PATIENT, ...variant.cluster, ...more };
    return staticCluster(`${variant.name}-${door}`, to, fields);
  };
  return {
    listeners: [
      web("http1", variant, ports.http1),
      web("http2", variant, ports.http2),
      stream(variant, ports.tcp),
    ],
    clusters: [cluster("http1"), cluster("http2", OVER_HTTP2), cluster("tcp")],
  };
}

/** Requests a second. */
const RATES: Readonly<Record<Protocol, number>> = {
  http1: 200,
  http2: 100,
  grpc: 50,
  websocket: 25,
  tcp: 50,
};

const ALL_PROTOCOLS: readonly Protocol[] = ["http1", "http2", "grpc", "websocket", "tcp"];

/** Long: how busy the machine is shall fail no request. */
const TIMEOUT_MS = 30_000;

function doorOf(protocol: Protocol): Door {
  if (protocol === "tcp") return "tcp";
  return protocol === "http2" || protocol === "grpc" ? "http2" : "http1";
}

/** Loads that run until `stop`. */
export class AllLoads {
  readonly #loads: readonly Load[];

  private constructor(loads: readonly Load[]) {
    this.#loads = loads;
  }

  /** Closed loops of so many clients each: no more than the machine can do. */
  static startClosed(ports: ListenPorts, clients: number): AllLoads {
    const loads = ALL_PROTOCOLS.map((protocol) =>
      startLoad({ protocol, port: ports[doorOf(protocol)], clients, timeoutMs: TIMEOUT_MS }),
    );
    return new AllLoads(loads);
  }

  /** Open loops. */
  static start(ports: ListenPorts, protocols: readonly Protocol[] = ALL_PROTOCOLS): AllLoads {
    const loads = protocols.map((protocol) => {
      const ratePerSecond = RATES[protocol];
      const port = ports[doorOf(protocol)];
      return startLoad({ protocol, port, ratePerSecond, timeoutMs: TIMEOUT_MS });
    });
    return new AllLoads(loads);
  }

  /** Resolves when so many more requests of each protocol have ended. */
  async more(count: number): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.more(count)));
  }

  /** Waits for what is on its way. */
  async stop(ledger: Ledger, options: JudgeOptions = {}): Promise<Verdict> {
    return judge(await this.#stop(), ledger, options);
  }

  /** A verdict for each method, which leave ids of the other out of account. */
  async stopByMethod(
    ledger: Ledger,
    options: JudgeOptions = {},
  ): Promise<{ readonly gets: Verdict; readonly posts: Verdict }> {
    const records = await this.#stop();
    const of = (method: Method): Verdict => {
      const wanted = records.filter(({ request }) => request.method === method);
      return judge(wanted, ledger, { ...options, among: records });
    };
    return { gets: of("GET"), posts: of("POST") };
  }

  async #stop(): Promise<readonly LoadRecord[]> {
    const records: (readonly LoadRecord[])[] = [];
    for (const load of this.#loads) records.push(await load.stop());
    return records.flat();
  }
}
