/** What a proxy holds for peers that take nothing of what they are sent, and for idle ones. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../support/envoy-process.ts";
import { type Direction, Flood, type FloodOptions, type FloodProtocol } from "../support/flood.ts";
import { meshIdentity, tcpListener, terminating } from "../support/proxy-pair.ts";
import { type ProxyProgram, startProgram } from "../support/proxy-program.ts";
import { httpListener, OVER_HTTP2, staticCluster } from "../support/proxy-setup.ts";

const MIB = 1024 * 1024;
const CONNECTIONS = 10;
/** Of each connection: more than all that kernels, or windows, let be on the way. */
const TOTAL = 64 * MIB;
const TOTAL_IN_WINDOWS = 4 * MIB;
/** What a connection may cost the proxy beside what the kernel keeps (Envoy: 1 MiB each way). */
const EACH_MAX = 2 * MIB;
/** What a process of JavaScript grows by as soon as it is busy. */
const BUSY = 40 * MIB;
const PATIENCE_MS = 120_000;

const stops: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function resident(pid: number): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]);
  return pages * 4096;
}

async function start(listener: unknown, cluster: unknown): Promise<ProxyProgram> {
  const proxy = await startProgram("outrigger", listener, [cluster]);
  stops.push(() => proxy.stop());
  return proxy;
}

const ROUTES = [{ match: { prefix: "/" }, route: { cluster: "origin", timeout: "0s" } }];
/** As Envoy's page on proxies at the edge has it; the defaults let a peer send 16 MiB a stream. */
const WINDOWS = { initial_stream_window_size: 65_536, initial_connection_window_size: MIB };
const HTTP2_CLUSTER = JSON.parse(
  JSON.stringify(OVER_HTTP2).replace(
    '"http2_protocol_options":{}',
    `"http2_protocol_options":${JSON.stringify(WINDOWS)}`,
  ),
) as Record<string, unknown>;

interface Scene {
  readonly flood: Flood;
  readonly proxy: ProxyProgram;
  /** Bytes of each connection. */
  readonly total: number;
}

async function scene(protocol: FloodProtocol, direction: Direction): Promise<Scene> {
  const identity = protocol === "tls" ? await meshIdentity() : undefined;
  const secure: Pick<FloodOptions, "secure"> =
    identity === undefined
      ? {}
      : {
          secure: {
            ca: identity.authority.pem,
            cert: identity.certificate.chain,
            key: identity.certificate.key,
            servername: "one.example",
          },
        };
  const total = protocol === "http2" ? TOTAL_IN_WINDOWS : TOTAL;
  const flood = await Flood.start({ protocol, direction, total, ...secure });
  const hcm = {
    stream_idle_timeout: "0s",
    upgrade_configs: [{ upgrade_type: "websocket" }],
    http2_protocol_options: WINDOWS,
  };
  const listener =
    protocol === "tcp"
      ? tcpListener("origin")
      : (httpListener({ hcm, routes: ROUTES }) as { filter_chains: object[] });
  const chains = listener.filter_chains.map((chain) =>
    identity === undefined ? chain : { ...chain, transport_socket: terminating(identity) },
  );
  // However busy the machine is, the origin is there.
  const cluster = { connect_timeout: "60s", ...(protocol === "http2" ? HTTP2_CLUSTER : {}) };
  const proxy = await start(
    { ...listener, filter_chains: chains },
    staticCluster("origin", [flood.port], cluster),
  );
  stops.push(() => flood.stop());
  return { flood, proxy, total };
}

const PROTOCOLS: readonly FloodProtocol[] = ["http1", "http2", "websocket", "tcp", "tls"];

describe.each(["download", "upload"] as const)("a %s that nobody takes", (direction) => {
  it.each(PROTOCOLS)(
    "is held back at its source, and costs little memory: %s",
    async (protocol) => {
      const { flood, proxy, total } = await scene(protocol, direction);
      const before = resident(proxy.pid);
      await Promise.all(Array.from({ length: CONNECTIONS }, () => flood.client(proxy.port)));
      await eventually("all pour", async () => flood.pouring === CONNECTIONS);
      await eventually("all reach who takes nothing", async () => flood.holding === CONNECTIONS);
      const gone = await flood.settled();
      expect(gone).toBeLessThan((CONNECTIONS * total) / 2);
      expect(resident(proxy.pid) - before).toBeLessThan(CONNECTIONS * EACH_MAX + BUSY);
      flood.release();
      await eventually("all has come", async () => flood.read >= CONNECTIONS * total);
    },
    PATIENCE_MS,
  );
});

const IDLE = 2000;
const ROUNDS = 14;
/** So many are needed until the collector has settled on a size for its heap. */
const WARM = 10;
/** Three times what one is measured to cost (docs/performance.md). */
const IDLE_EACH_MAX = 24 * 1024;

async function idleClients(port: number): Promise<net.Socket[]> {
  const sockets: net.Socket[] = [];
  for (let at = 0; at < IDLE; at += 100) {
    const some = Array.from({ length: 100 }, () => net.connect(port, "127.0.0.1"));
    await Promise.all(some.map((socket) => once(socket, "connect")));
    await Promise.all(
      some.map(async (socket) => {
        socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await once(socket, "data");
      }),
    );
    sockets.push(...some);
  }
  return sockets;
}

async function smallOrigin(): Promise<net.Server> {
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stops.push(() => {
    server.close();
  });
  return server;
}

describe(`${IDLE} idle clients`, () => {
  it(
    "cost little, keep nobody from being served, and leave nothing behind",
    async () => {
      const origin = await smallOrigin();
      const { port } = origin.address() as net.AddressInfo;
      const proxy = await start(httpListener({ routes: ROUTES }), staticCluster("origin", [port]));
      const rounds: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const before = resident(proxy.pid);
        const sockets = await idleClients(proxy.port);
        rounds.push(resident(proxy.pid));
        expect(resident(proxy.pid) - before).toBeLessThan(IDLE * IDLE_EACH_MAX);
        const one = net.connect(proxy.port, "127.0.0.1");
        one.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        const [answer] = (await once(one, "data")) as [Buffer];
        expect(answer.toString("latin1")).toContain("HTTP/1.1 200 OK");
        one.destroy();
        for (const socket of sockets) socket.destroy();
      }
      // What earlier rounds took, later ones take again.
      expect(rounds.at(-1)).toBeLessThan((rounds[WARM] ?? 0) * 1.15);
    },
    PATIENCE_MS,
  );
});
