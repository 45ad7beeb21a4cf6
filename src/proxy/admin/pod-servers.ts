import type { Address } from "../../model/address.ts";
import type { PodServers } from "../../model/bootstrap.ts";
import { type HeldSocket, type Inheritance, NOTHING_INHERITED } from "../graceful/inheritance.ts";
import { readyPage } from "./admin-server.ts";
import type { AdminSource } from "./admin-source.ts";
import { type Page, type RunningServer, servePages } from "./page-server.ts";
import { prometheusPage } from "./pages/stats.ts";

export interface RunningPodServers {
  readonly address: { readonly metrics: readonly Address[]; readonly health: Address | undefined };
  readonly held: readonly HeldSocket[];
  close(): Promise<void>;
}

/**
 * What a pod shows the network, on Istio's ports: metrics on 15020 and 15090, health on 15021.
 * Anyone may ask, nothing can be changed. Rejects where one cannot listen; then none does.
 */
export async function startPodServers(
  { metrics, health }: PodServers,
  source: Pick<AdminSource, "registry" | "state">,
  inherited: Inheritance = NOTHING_INHERITED,
): Promise<RunningPodServers> {
  const serveOne = (address: Address, page: Page): Promise<RunningServer> => {
    const unknownPath = (): string => `only ${page.path} is here.\n`;
    return servePages(address, { pages: [page], unknownPath, inherited });
  };
  const started = await Promise.allSettled([
    ...metrics.map((address) => serveOne(address, metricsPage(source))),
    ...(health === undefined ? [] : [serveOne(health, healthPage(source))]),
  ]);
  const servers = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close()));
  };
  for (const one of started) {
    if (one.status === "fulfilled") continue;
    await close();
    throw one.reason;
  }
  const addresses = servers.map(({ address }) => address);
  return {
    address: { metrics: addresses.slice(0, metrics.length), health: addresses[metrics.length] },
    held: servers.flatMap(({ held }) => held),
    close,
  };
}

function metricsPage({ registry }: Pick<AdminSource, "registry">): Page {
  return {
    path: "/stats/prometheus",
    method: "GET",
    help: "metrics",
    answer: (query) => prometheusPage(registry, query),
  };
}

function healthPage(source: Pick<AdminSource, "state">): Page {
  return {
    path: "/healthz/ready",
    method: "GET",
    help: "200 when ready, 503 otherwise",
    answer: () => readyPage(source.state()),
  };
}
