import { memoryUsage } from "node:process";
import type { AccessToken } from "../../base/access-token.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { Address } from "../../model/address.ts";
import { type Inheritance, NOTHING_INHERITED } from "../graceful/inheritance.ts";
import type { DrainOptions, ServerState } from "../graceful/lifecycle.ts";
import type { AdminSource } from "./admin-source.ts";
import { refusalOf } from "./admission.ts";
import { type Answer, HTML, json, text } from "./answer.ts";
import { type Page, type RunningServer, servePages } from "./page-server.ts";
import { certsPage } from "./pages/certs.ts";
import { circuitsPage } from "./pages/circuits.ts";
import { clustersPage } from "./pages/clusters.ts";
import { configDumpPage } from "./pages/config-dump.ts";
import { errorsPage } from "./pages/errors.ts";
import { listenersPage } from "./pages/listeners.ts";
import { redact } from "./pages/redact.ts";
import { prometheusPage, statsPage } from "./pages/stats.ts";

const OK = text("OK\n");

export interface AdminOptions {
  readonly inherited?: Inheritance;
  /** What lets clients of other machines in; without it none is served. */
  readonly token?: AccessToken | undefined;
}

/**
 * Serves Envoy's admin interface, as far as there is something to say (Envoy: operations/admin).
 * For operators on this machine: it is refused to other hosts' names and origins.
 */
export function startAdmin(
  address: Address,
  source: AdminSource,
  { inherited = NOTHING_INHERITED, token }: AdminOptions = {},
): Promise<RunningServer> {
  const pages = pagesOf(source);
  return servePages(address, {
    pages,
    refuse: (request) => refusalOf(request, token),
    inherited,
    unknownPath: () => `invalid path. ${helpText(pages)}`,
  });
}

function pagesOf(source: AdminSource): readonly Page[] {
  const { registry } = source;
  const startedAtMs = source.clock.now();
  const pages: Page[] = [
    get("/", "Admin home page", () => homePage(pages)),
    get("/certs", "print certs on machine", async () =>
      certsPage(await source.certificates(), source.clock.wall()),
    ),
    get("/circuits", "circuits, limits and outliers, and their last changes", async () =>
      circuitsPage(source.circuits(), await source.clusters()),
    ),
    get("/clusters", "upstream cluster status; filter=REGEX, format=json", async (query) =>
      clustersPage(await source.clusters(), query),
    ),
    get("/config_dump", "what is served; include_eds", (query) => configDumpPage(source, query)),
    post("/drain_listeners", "stop accepting; graceful, skip_exit, inboundonly", (query) => ({
      ...OK,
      afterwards: () => source.onDrain(drainOptions(query)),
    })),
    post("/healthcheck/fail", "cause the server to fail health checks", () => {
      source.onHealthCheck(false);
      return OK;
    }),
    post("/healthcheck/ok", "cause the server to pass health checks", () => {
      source.onHealthCheck(true);
      return OK;
    }),
    get("/errors", "the requests that were refused last; format=json", async (query) =>
      errorsPage(await source.refused(), query),
    ),
    get("/help", "print out list of admin commands", () => text(helpText(pages))),
    get("/listeners", "print listener info; format=json", (query) =>
      listenersPage(source.listeners(), query),
    ),
    get("/memory", "print current allocation/heap usage", memoryPage),
    post("/quitquitquit", "exit the server", () => ({
      ...OK,
      afterwards: () => source.onQuit(),
    })),
    get("/ready", "print server state, 200 if LIVE, otherwise 503", () =>
      readyPage(source.state()),
    ),
    post("/reopen_logs", "reopen access logs", () => {
      source.onReopenLogs();
      return OK;
    }),
    post("/reset_counters", "reset all counters to zero", async () => {
      await source.onResetCounters();
      return OK;
    }),
    get("/server_info", "print server version/status information", () =>
      serverInfoPage(source, source.clock.now() - startedAtMs),
    ),
    ...statsPages(registry),
  ];
  return pages;
}

function statsPages(registry: Registry): readonly Page[] {
  return [
    get("/stats", "print server stats; filter=REGEX, usedonly, format=json|prometheus", (query) =>
      statsPage(registry, query),
    ),
    get("/stats/prometheus", "print server stats in prometheus format", (query) =>
      prometheusPage(registry, query),
    ),
  ];
}

function get(path: string, help: string, answer: Page["answer"]): Page {
  return { path, method: "GET", help, answer };
}

function post(path: string, help: string, answer: Page["answer"]): Page {
  return { path, method: "POST", help, answer };
}

/** `LIVE`, or another state and 503. Envoy: `/ready`. */
export function readyPage(state: ServerState): Answer {
  return text(`${state}\n`, state === "LIVE" ? 200 : 503);
}

function drainOptions(query: URLSearchParams): DrainOptions {
  return {
    inboundOnly: query.has("inboundonly"),
    graceful: query.has("graceful"),
    skipExit: query.has("skip_exit"),
  };
}

function helpText(pages: readonly Page[]): string {
  const lines = pages.map(({ path, method, help }) => {
    return `  ${path}${method === "POST" ? " (POST)" : ""}: ${help}\n`;
  });
  return `admin commands are:\n${lines.join("")}`;
}

function homePage(pages: readonly Page[]): Answer {
  const rows = pages.map(({ path, method, help }) => {
    const name = method === "GET" ? `<a href="${path}">${path}</a>` : `${path} (POST)`;
    return `<li>${name}: ${help}</li>\n`;
  });
  const head = '<!doctype html>\n<html lang="en">\n<title>Outrigger admin</title>\n';
  const body = `${head}<h1>Outrigger admin</h1>\n<ul>\n${rows.join("")}</ul>\n</html>\n`;
  return { status: 200, contentType: HTML, body: [body] };
}

/** Envoy: admin.v3.ServerInfo. */
function serverInfoPage(source: AdminSource, uptimeMs: number): Answer {
  const { id, cluster, metadata, userAgentName } = source.bootstrap.node;
  const uptime = `${Math.floor(uptimeMs / 1000)}s`;
  return json({
    version: source.version,
    state: source.state(),
    uptime_current_epoch: uptime,
    uptime_all_epochs: uptime,
    node: { id, cluster, metadata: redact(metadata), user_agent_name: userAgentName },
  });
}

/** Envoy: admin.v3.Memory; the heap is V8's. */
function memoryPage(): Answer {
  const { heapUsed, heapTotal, rss } = memoryUsage();
  return json({
    allocated: `${heapUsed}`,
    heap_size: `${heapTotal}`,
    total_physical_bytes: `${rss}`,
  });
}
