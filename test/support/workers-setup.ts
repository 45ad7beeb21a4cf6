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
