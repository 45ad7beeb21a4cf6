import { once } from "node:events";
import net from "node:net";
import { describe, expect, it } from "vitest";
import { running } from "../../../test/support/one-hop.ts";
import { meshIdentity, proxyPair, tcpListener } from "../../../test/support/proxy-pair.ts";
import { type ProxySetup, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";
import { SeededRandom } from "../../base/random.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";

const CONNECTIONS = 200;
const PIECE = Buffer.alloc(3000, "x");

/** What an end does next, at random: it speaks, ends, resets, or vanishes. */
function misbehave(socket: net.Socket, random: SeededRandom, steps: number): void {
  socket.on("error", () => undefined);
  socket.resume();
  const step = (left: number): void => {
    if (socket.destroyed) return;
    const draw = random.below(10);
    if (left === 0 || draw === 0) socket.end();
    else if (draw === 1) socket.resetAndDestroy();
    else if (draw === 2) socket.destroy();
    else if (draw === 3) socket.pause();
    else socket.write(PIECE);
    if (draw === 3) setImmediate(() => socket.resume());
    if (left > 0 && draw > 2) setImmediate(() => step(left - 1));
  };
  setImmediate(() => step(steps));
}

/** Whom the origin answers behaves no better than its clients. */
async function moodyOrigin(random: SeededRandom): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: random.below(2) === 0 }, (socket) => {
    sockets.add(socket);
    misbehave(socket, random, 5);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push({
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
  return (server.address() as net.AddressInfo).port;
}

async function storm(port: number, random: SeededRandom): Promise<void> {
  const closed: Promise<unknown>[] = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    closed.push(new Promise((resolve) => socket.once("close", resolve)));
    misbehave(socket, random, 6);
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(closed);
}

/** All that a connection takes has been given back. */
async function isQuiet(setup: ProxySetup, cluster: string): Promise<void> {
  const listeners = setup.proxy.dataPlane.listeners.listeners;
  await expect.poll(() => listeners.map((one) => one.connectionCount)).toEqual([0]);
  for (const stat of ["upstream_cx_active", "upstream_rq_active"] as const) {
    await expect.poll(() => setup.stat(cluster, stat), { message: stat }).toBe(0);
  }
  expect(setup.stat(cluster, "upstream_rq_pending_active")).toBe(0);
  const hosts = setup.proxy.dataPlane.clusters.slot(cluster).cluster?.hosts ?? [];
  expect(hosts.map((host) => host.activeRequests + host.connections)).toEqual([0, 0]);
  const limits = setup.proxy.dataPlane.clusters.slot(cluster).cluster?.limits;
  expect([limits?.remainingConnections, limits?.remainingPending]).toEqual([1024, 1024]);
  const text = [...renderPrometheus(setup.proxy.telemetry.registry)].join("");
  expect(text).toMatch(/^outrigger_faults_total 0$/m);
}

describe.each([1, 2, 3])("connections that end in every way there is, seed %i", (seed) => {
  it("leave nothing behind", async () => {
    const random = new SeededRandom(seed);
    const port = await moodyOrigin(random);
    const setup = await startSetup(
      [tcpListener("origin", { max_connect_attempts: 2 })],
      // Some are refused, some are tried again.
      [staticCluster("origin", [port, 1])],
    );
    running.push(setup);
    await storm(setup.port(), random);
    await isQuiet(setup, "origin");
  });
});

it("carried ones leave nothing but their carrier", async () => {
  const pair = await proxyPair(await meshIdentity());
  const random = new SeededRandom(4);
  void (async () => {
    for (;;) misbehave((await pair.origin.accepts()).socket, random, 5);
  })();
  await storm(pair.outbound.port(), random);
  const { outbound } = pair;
  await expect.poll(() => outbound.stat("peer", "upstream_cx_active")).toBe(0);
  await expect.poll(() => outbound.stat("peer", "upstream_rq_active")).toBe(0);
  await expect.poll(() => pair.inbound.stat("origin", "upstream_cx_active")).toBe(0);
  await expect.poll(() => pair.inbound.stat("origin", "upstream_rq_active")).toBe(0);
});
