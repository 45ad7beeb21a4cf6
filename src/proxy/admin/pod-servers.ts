import type { Address } from "../../model/address.ts";
import type { PodServers } from "../../model/bootstrap.ts";
import { type HeldSocket, type Inheritance, NOTHING_INHERITED } from "../graceful/inheritance.ts";
import { readyPage } from "./admin-server.ts";
import type { AdminSource } from "./admin-source.ts";
import { AppPart } from "./app-metrics/app-part.ts";
import { type Page, type RunningServer, servePages } from "./page-server.ts";
import { prometheusPage } from "./pages/stats.ts";

export interface RunningPodServers {
  readonly address: { readonly metrics: readonly Address[]; readonly health: Address | undefined };
  readonly held: readonly HeldSocket[];
  close(): Promise<void>;
}

type PodSource = Pick<AdminSource, "registry" | "state" | "clock">;

/**
 * What a pod shows the network, on Istio's ports: metrics on 15020 and 15090, health on 15021.
 * Anyone may ask, nothing can be changed. Rejects where one cannot listen; then none does.
 */
export async function startPodServers(
  { metrics, health, appMetrics }: PodServers,
  source: PodSource,
  inherited: Inheritance = NOTHING_INHERITED,
): Promise<RunningPodServers> {
  const { registry, clock } = source;
  const app = appMetrics === undefined ? undefined : new AppPart(appMetrics, registry, clock);
  const serveOne = (address: Address, page: Page): Promise<RunningServer> => {
    const unknownPath = (): string => `only ${page.path} is here.\n`;
    return servePages(address, { pages: [page], unknownPath, inherited });
  };
  const started = await Promise.allSettled([
    ...metrics.map((address, i) =>
      serveOne(
        address,
        i === 0 && app !== undefined ? mergedPage(source, app) : metricsPage(source),
      ),
    ),
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

function metricsPage({ registry }: PodSource): Page {
  return {
    path: "/stats/prometheus",
    method: "GET",
    help: "metrics",
    answer: (query) => prometheusPage(registry, query),
  };
}

/** Nothing that the app does keeps the sidecar's own metrics from being shown. */
function mergedPage({ registry }: PodSource, app: AppPart): Page {
  return {
    path: "/stats/prometheus",
    method: "GET",
    help: "metrics, and the app's",
    answer: async (query) => {
      const own = prometheusPage(registry, query);
      // A filter is for names of our own.
      if (own.status !== 200 || query.has("filter")) return own;
      const families = await app.families();
      return { ...own, body: chained(own.body, families) };
    },
  };
}

function* chained(...parts: readonly Iterable<string>[]): Generator<string> {
  for (const part of parts) yield* part;
}

function healthPage(source: PodSource): Page {
  return {
    path: "/healthz/ready",
    method: "GET",
    help: "200 when ready, 503 otherwise",
    answer: () => readyPage(source.state()),
  };
}
