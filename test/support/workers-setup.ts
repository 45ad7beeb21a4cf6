import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readBootstrap } from "../../src/proxy/bootstrap.ts";
import { startWorkers, type WorkersProxy } from "../../src/proxy/worker/start.ts";
import { ask } from "./ask.ts";
import { parseExposition } from "./exposition.ts";
import { running } from "./one-hop.ts";
import { connectPeer, type Peer } from "./peer.ts";

/** A proxy of several workers under test; it stops after the test. */
export interface WorkersSetup {
  readonly proxy: WorkersProxy;
  readonly notices: readonly string[];
  port(listener?: string): number;
  /** A client connected to the listener of this name (default `in`). */
  client(listener?: string): Promise<Peer>;
  /** So many of them. */
  clients(count: number, listener?: string): Promise<Peer[]>;
  /** A page of the admin server. */
  page(path: string, method?: string): Promise<string>;
  /** A counter or gauge as a scrape shows it, over all its label sets. */
  metric(name: string): Promise<number>;
}

/** Starts it from Envoy's own configuration; fails with every error of it. */
export async function startWorkersSetup(
  listeners: readonly unknown[],
  clusters: readonly unknown[],
  workers = 2,
): Promise<WorkersSetup> {
  const admin = { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } };
  const text = JSON.stringify({ admin, static_resources: { listeners, clusters } });
  const { bootstrap, diagnostics } = readBootstrap(text, "test.json");
  if (bootstrap === undefined) throw new Error(JSON.stringify(diagnostics, undefined, 2));
  const notices: string[] = [];
  const onNotice = (notice: string): void => {
    notices.push(notice);
  };
  const proxy = await startWorkers({ bootstrap, onNotice }, workers);
  running.push({ stop: () => proxy.stop(0) });
  return setupOf(proxy, notices);
}

function setupOf(proxy: WorkersProxy, notices: readonly string[]): WorkersSetup {
  const port = (listener = "in"): number => {
    const address = proxy.fleet.listeners.find(({ name }) => name === listener)?.address;
    if (address?.kind !== "socket") throw new Error(`listener ${listener} is not bound`);
    return address.port;
  };
  const page = async (path: string, method = "GET"): Promise<string> => {
    if (proxy.admin.address === undefined) throw new Error("no admin server");
    return (await ask(proxy.admin.address, path, { method })).body;
  };
  return {
    proxy,
    notices,
    port,
    client: (listener) => connectPeer(port(listener)),
    clients: (count, listener) =>
      Promise.all(Array.from({ length: count }, () => connectPeer(port(listener)))),
    page,
    metric: async (name) => {
      const samples = parseExposition(await page("/stats/prometheus")).get(name)?.samples;
      return [...(samples?.values() ?? [])].reduce((sum, value) => sum + value, 0);
    },
  };
}

/** Resolves when this holds; the test's own time limit is the only one. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((later) => setImmediate(later));
}

export const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/** So many connections never all meet one worker. */
export const MANY = 40;
export const TO_ORIGIN: readonly unknown[] = [
  { match: { prefix: "/" }, route: { cluster: "origin" } },
];

/** An origin that answers soon, and knows how many requests were with it at once. */
export async function countingOrigin(): Promise<{ readonly port: number; mostRequests: number }> {
  let active = 0;
  const server = createServer((_, response) => {
    active++;
    origin.mostRequests = Math.max(origin.mostRequests, active);
    setImmediate(() => {
      active--;
      response.end("ok");
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const origin = { port: (server.address() as AddressInfo).port, mostRequests: 0 };
  running.push({
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return origin;
}

/** Sends a request on each connection; the bodies of the answers. */
export async function answers(clients: readonly Peer[]): Promise<string[]> {
  return Promise.all(
    clients.map(async (client) => {
      client.sends(GET);
      return (await client.receivesResponse()).body;
    }),
  );
}

/** How many connections to its origin each worker has. */
export async function upstreamConnections({ proxy }: WorkersSetup): Promise<number[]> {
  return Promise.all(
    proxy.fleet.threads.map(async (thread) => {
      let count = 0;
      for await (const { endpoints } of thread.endpoints()) {
        for (const { stats } of endpoints) count += stats.cx_active ?? 0;
      }
      return count;
    }),
  );
}
