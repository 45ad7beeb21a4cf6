import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SocketAddress, socketAddress } from "../../src/model/address.ts";
import { ask } from "./ask.ts";
import { eventually, freePort } from "./envoy-process.ts";
import { Ledger } from "./ledger/ledger.ts";
import { LedgerOrigin, type OriginOptions } from "./ledger/origin/origin.ts";
import type { Protocol } from "./ledger/request.ts";
import { Outrigger } from "./outrigger.ts";
import { httpListener, OVER_HTTP2, staticCluster } from "./proxy-setup.ts";

const TCP = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
const ROUTES = (cluster: string) => [{ match: { prefix: "/" }, route: { cluster } }];

type Door = "http1" | "http2" | "tcp";

function doorOf(protocol: Protocol): Door {
  if (protocol === "tcp") return "tcp";
  return protocol === "http2" || protocol === "grpc" ? "http2" : "http1";
}

export interface GracefulOptions {
  /** Of the program, beside the configuration. */
  readonly args?: readonly string[];
  /** What runs the program, before its own name and arguments. */
  readonly prefix?: readonly string[];
  readonly origin?: Omit<OriginOptions, "ledger">;
  /** More of the bootstrap. */
  readonly bootstrap?: Record<string, unknown>;
  /** Of every cluster. */
  readonly cluster?: Record<string, unknown>;
}

/** An origin with a ledger behind a proxy as a program of its own, a listener for each protocol. */
export class GracefulScene {
  readonly ledger: Ledger;
  readonly origin: LedgerOrigin;
  readonly run: Outrigger;
  readonly admin: SocketAddress;
  readonly #folder: string;
  readonly #ports: Readonly<Record<Door, number>>;

  private constructor(
    parts: Pick<GracefulScene, "ledger" | "origin" | "run" | "admin">,
    folder: string,
    ports: Readonly<Record<Door, number>>,
  ) {
    this.ledger = parts.ledger;
    this.origin = parts.origin;
    this.run = parts.run;
    this.admin = parts.admin;
    this.#folder = folder;
    this.#ports = ports;
  }

  /** It is ready; `stop` it. */
  static async start(options: GracefulOptions = {}): Promise<GracefulScene> {
    const ledger = new Ledger();
    const origin = await LedgerOrigin.start({ ledger, ...options.origin });
    const ports = { http1: await freePort(), http2: await freePort(), tcp: await freePort() };
    const admin = socketAddress("127.0.0.1", await freePort());
    const folder = mkdtempSync(join(tmpdir(), "outrigger-graceful-"));
    const file = join(folder, "envoy.json");
    writeFileSync(file, bootstrapText(origin, ports, admin, options));
    const run = new Outrigger(["proxy", "-c", file, ...(options.args ?? [])], "", options.prefix);
    const scene = new GracefulScene({ ledger, origin, run, admin }, folder, ports);
    const ready = eventually("the proxy is ready", async () => (await scene.readiness()) === 200);
    const early = run.ended.then(() => Promise.reject(new Error("the proxy has ended")));
    await Promise.race([ready, early]).catch(async (error: unknown) => {
      await scene.stop();
      throw new Error(`${String(error)}\n${run.stderr}`);
    });
    return scene;
  }

  port(protocol: Protocol): number {
    return this.#ports[doorOf(protocol)];
  }

  /** The status of `/ready`; 0 where nobody answers. */
  async readiness(): Promise<number> {
    try {
      return (await ask(this.admin, "/ready")).status;
    } catch {
      return 0;
    }
  }

  /** Another configuration for a successor. */
  configure(text: string): void {
    writeFileSync(join(this.#folder, "envoy.json"), text);
  }

  /** Whether connections are accepted. */
  async accepts(protocol: Protocol): Promise<boolean> {
    const socket = connect(this.port(protocol), "127.0.0.1");
    return await new Promise((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    }).then((accepted) => {
      socket.destroy();
      return accepted === true;
    });
  }

  /** Has the process hand over to a successor; resolves with the successor's pid. */
  async handOver(pid: number): Promise<number> {
    const serves = new RegExp(`process (\\d+) serves now; this one, ${pid},`);
    process.kill(pid, "SIGUSR2");
    await this.run.until(({ stderr }) => serves.test(stderr));
    return Number(serves.exec(this.run.stderr)?.[1]);
  }

  get pid(): number {
    return this.run.child.pid ?? 0;
  }

  async stop(): Promise<void> {
    for (const pid of this.run.processes()) kill(pid);
    this.run.clean();
    await this.origin.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** It may have ended by itself meanwhile. */
function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has.
  }
}

function bootstrapText(
  { ports: origin }: LedgerOrigin,
  ports: Readonly<Record<Door, number>>,
  admin: SocketAddress,
  { bootstrap = {}, cluster: more = {} }: GracefulOptions,
): string {
  const at = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  const hcm = { upgrade_configs: [{ upgrade_type: "websocket" }] };
  // However busy the machine is, the origin is there.
  const cluster = { connect_timeout: "60s", ...more };
  const http = (name: string, port: number, more: Record<string, unknown> = {}) => ({
    ...(httpListener({ name, hcm: more, routes: ROUTES(name) }) as object),
    address: at(port),
  });
  const tcp = {
    name: "tcp",
    address: at(ports.tcp),
    filter_chains: [
      {
        filters: [
          { name: "tcp", typed_config: { "@type": TCP, stat_prefix: "tcp", cluster: "tcp" } },
        ],
      },
    ],
  };
  return JSON.stringify({
    admin: { address: at(admin.port) },
    ...bootstrap,
    static_resources: {
      listeners: [http("http1", ports.http1, hcm), http("http2", ports.http2), tcp],
      clusters: [
        staticCluster("http1", [origin.http1], cluster),
        staticCluster("http2", [origin.http2], { ...OVER_HTTP2, ...cluster }),
        staticCluster("tcp", [origin.tcp], cluster),
      ],
    },
  });
}
