import net from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask } from "../../../test/support/ask.ts";
import { VirtualClock } from "../../base/clock.ts";
import { counter, histogram } from "../../metrics/column.ts";
import { Registry } from "../../metrics/registry.ts";
import { type SocketAddress, socketAddress } from "../../model/address.ts";
import type { Bootstrap } from "../../model/bootstrap.ts";
import { ENVOY_THRESHOLDS } from "../../model/cluster.ts";
import { NO_LOCALITY } from "../../model/endpoint.ts";
import { NO_FILTER_CONFIGS } from "../../model/filter/filter-configs.ts";
import { NO_MUTATIONS, type RouteConfiguration } from "../../model/route.ts";
import { startAdmin } from "./admin-server.ts";
import type { AdminSource, ClusterRow } from "./admin-source.ts";
import type { RunningServer } from "./page-server.ts";
import { startPodServers } from "./pod-servers.ts";

const ANYWHERE = socketAddress("127.0.0.1", 0);

const BOOTSTRAP: Bootstrap = {
  node: {
    id: "sidecar~10.0.0.1~a.default~default.svc.cluster.local",
    cluster: "a.default",
    metadata: { NAMESPACE: "default", API_TOKEN: "hunter2" },
    userAgentName: "outrigger",
  },
  admin: ANYWHERE,
  listeners: [],
  clusters: [],
  ads: undefined,
  pod: undefined,
  carrying: true,
};

const CLUSTER: ClusterRow = {
  name: "outbound|80||b",
  observabilityName: "outbound|80||b;",
  addedViaApi: true,
  thresholds: ENVOY_THRESHOLDS,
  outliers: {
    external: { mean: 90.5, threshold: 64 },
    localOrigin: { mean: -1, threshold: -1 },
  },
  endpoints: [
    {
      address: socketAddress("10.0.0.2", 80),
      hostname: "",
      health: "healthy",
      failedCheck: false,
      degradedCheck: false,
      checkTimedOut: false,
      ejected: false,
      rates: { external: 100, localOrigin: -1 },
      weight: 1,
      priority: 0,
      locality: NO_LOCALITY,
      stats: { cx_active: 2, rq_active: 1 },
    },
  ],
};

const ROUTES: RouteConfiguration = {
  name: "80",
  virtualHosts: [
    {
      name: "b",
      domains: ["*"],
      routes: [],
      requestHeaders: NO_MUTATIONS,
      responseHeaders: NO_MUTATIONS,
      retryPolicy: undefined,
      includeRequestAttemptCount: false,
      includeAttemptCountInResponse: false,
      filterConfigs: NO_FILTER_CONFIGS,
    },
  ],
  ignorePortInHostMatching: false,
  requestHeaders: {
    set: [{ name: "authorization", value: "Basic aHVudGVyMg==", action: "overwrite" }],
    remove: [],
  },
  responseHeaders: NO_MUTATIONS,
  maxDirectResponseBodyBytes: 4096,
  filterConfigs: NO_FILTER_CONFIGS,
};

let happened: string[];
let isReady: boolean;
let registry: Registry;
let admin: RunningServer;
let address: SocketAddress;

function source(): AdminSource {
  return {
    registry,
    bootstrap: BOOTSTRAP,
    version: "1.2.3",
    clock: new VirtualClock(),
    state: () => (isReady ? "LIVE" : "INITIALIZING"),
    clusters: () => [CLUSTER],
    circuits: () => [],
    listeners: () => [{ name: "in", address: socketAddress("127.0.0.1", 15_006) }],
    secrets: () => [],
    certificates: () => [],
    configDump: () => ({ listeners: [], routes: [ROUTES], clusters: [], endpoints: [] }),
    refused: () => [],
    onResetCounters: () => registry.resetCounters(),
    onQuit: () => happened.push("quit"),
    onReopenLogs: () => happened.push("reopen"),
    onHealthCheck: (passes) => happened.push(passes ? "pass" : "fail"),
    onDrain: (options) => happened.push(`drain ${JSON.stringify(options)}`),
  };
}

beforeEach(async () => {
  happened = [];
  isReady = true;
  registry = new Registry();
  const table = registry.table({
    name: "cluster",
    columns: [
      counter("envoy_cluster_upstream_rq_total", "Requests.", "upstream_rq_total"),
      histogram("envoy_cluster_upstream_rq_time", "Time.", "upstream_rq_time"),
    ],
    labelNames: ["envoy_cluster_name"],
    rowsMax: 10_000,
    statName: (column, [name = ""]) => `cluster.${name}.${column.stat}`,
  });
  table.row(["b"]).cells[0] = 3;
  table.row(["b"]).cells[2] = 4;
  table.row(["unused"]);
  admin = await startAdmin(ANYWHERE, source());
  address = admin.address as SocketAddress;
});

afterEach(async () => {
  await admin.close();
});

describe("the admin server", () => {
  it("lists its pages at / and /help", async () => {
    const help = await ask(address, "/help");
    expect(help.body).toMatch(/^admin commands are:\n/);
    expect(help.body).toContain("  /quitquitquit (POST): exit the server\n");
    const home = await ask(address, "/");
    expect(home.headers["content-type"]).toBe("text/html; charset=UTF-8");
    expect(home.body).toContain('<a href="/stats/prometheus">');
  });

  it("says LIVE when ready and 503 until then", async () => {
    expect(await ask(address, "/ready")).toMatchObject({ status: 200, body: "LIVE\n" });
    isReady = false;
    expect(await ask(address, "/ready")).toMatchObject({ status: 503, body: "INITIALIZING\n" });
  });

  it("answers an unknown path with 404 and the list of pages", async () => {
    const reply = await ask(address, "/nope");
    expect(reply.status).toBe(404);
    expect(reply.body).toMatch(/^invalid path\. admin commands are:\n/);
  });

  it("prints clusters and endpoints", async () => {
    const { body } = await ask(address, "/clusters");
    expect(body).toContain("outbound|80||b::10.0.0.2:80::health_flags::healthy\n");
    const json = JSON.parse((await ask(address, "/clusters?format=json")).body);
    expect(json.cluster_statuses[0].host_statuses).toHaveLength(1);
    expect((await ask(address, "/clusters?filter=nobody")).body).toBe("");
  });

  it("prints listeners", async () => {
    expect((await ask(address, "/listeners")).body).toBe("in::127.0.0.1:15006\n");
    const json = JSON.parse((await ask(address, "/listeners?format=json")).body);
    expect(json.listener_statuses[0].local_address.socket_address.port_value).toBe(15_006);
  });

  it("shows who it is, and no secrets", async () => {
    const info = JSON.parse((await ask(address, "/server_info")).body);
    expect(info).toMatchObject({ version: "1.2.3", state: "LIVE", uptime_current_epoch: "0s" });
    expect(info.node.metadata).toEqual({ NAMESPACE: "default", API_TOKEN: "[redacted]" });
    expect(JSON.parse((await ask(address, "/memory")).body)).toHaveProperty("heap_size");
  });

  it("dumps the configuration in Envoy's words", async () => {
    const { configs } = JSON.parse((await ask(address, "/config_dump?include_eds")).body);
    expect(configs.map((each: { "@type": string }) => each["@type"].split(".").at(-1))).toEqual([
      "BootstrapConfigDump",
      "ClustersConfigDump",
      "ListenersConfigDump",
      "RoutesConfigDump",
      "EndpointsConfigDump",
      "SecretsConfigDump",
    ]);
    const [routes] = configs[3].dynamic_route_configs;
    expect(routes.route_config).toMatchObject({ name: "80", virtual_hosts: [{ name: "b" }] });
    expect(routes.route_config.request_headers_to_add[0].header).toEqual({
      key: "authorization",
      value: "[redacted]",
    });
  });
});

describe("statistics", () => {
  it("are lines of name and value, histograms as quantiles", async () => {
    const lines = (await ask(address, "/stats")).body.split("\n");
    expect(lines).toContain("cluster.b.upstream_rq_total: 3");
    expect(lines).toContain("cluster.unused.upstream_rq_time: No recorded values");
    const time = lines.find((line) => line.startsWith("cluster.b.upstream_rq_time"));
    expect(time).toMatch(/: P0\(nan,0\.5\) P25\(nan,0\.625\) .*P100\(nan,1\)$/);
  });

  it("leave out what was never used, or what a filter does not find", async () => {
    const used = (await ask(address, "/stats?usedonly&filter=upstream_rq")).body;
    expect(used.match(/^[a-z_.]+/gm)).toEqual([
      "cluster.b.upstream_rq_total",
      "cluster.b.upstream_rq_time",
    ]);
    const prometheus = (await ask(address, "/stats/prometheus?filter=b.*total")).body;
    expect(prometheus).toContain('envoy_cluster_upstream_rq_total{envoy_cluster_name="b"} 3\n');
    expect(prometheus).not.toContain("unused");
  });

  it("come as JSON, also when there are none", async () => {
    const { stats } = JSON.parse((await ask(address, "/stats?format=json&filter=^cluster")).body);
    expect(stats[0]).toEqual({ name: "cluster.b.upstream_rq_total", value: 3 });
    const { computed_quantiles: computed } = stats.at(-1).histograms;
    expect(computed[0].values[0]).toEqual({ interval: null, cumulative: 0.5 });
    const none = JSON.parse((await ask(address, "/stats?format=json&filter=nobody")).body);
    expect(none.stats).toHaveLength(1);
  });

  it("refuse a filter that is not RE2 or too complex", async () => {
    expect(await ask(address, "/stats?filter=(")).toMatchObject({ status: 400 });
    const complex = await ask(address, "/stats?filter=(a{500}){500}");
    expect(complex.status).toBe(400);
    expect(await ask(address, "/stats?format=pdf")).toMatchObject({ status: 400 });
  });

  it("reach a slow reader whole, without holding all of it in memory", async () => {
    const table = registry.table({
      name: "many",
      columns: [counter("many_total", "Many.")],
      labelNames: ["which"],
      rowsMax: 50_000,
    });
    for (let i = 0; i < 30_000; i++) table.row([`number ${i} ${"x".repeat(100)}`]);
    const socket = net.connect(address.port, address.host).setEncoding("latin1");
    socket.write("GET /stats/prometheus HTTP/1.0\r\n\r\n");
    let text = "";
    for await (const chunk of socket) {
      text += chunk;
      await new Promise(setImmediate);
    }
    expect(text.match(/^many_total\{/gm)).toHaveLength(30_000);
  });
});

describe("what changes something", () => {
  it.each([
    "/quitquitquit",
    "/drain_listeners",
    "/reset_counters",
    "/reopen_logs",
    "/healthcheck/fail",
    "/healthcheck/ok",
  ])("needs POST: %s", async (path) => {
    const refused = await ask(address, path);
    expect(refused).toMatchObject({ status: 405, headers: { allow: "POST" } });
    expect(refused.body).toBe("Method GET not allowed, POST required.\n");
    expect(await ask(address, path, { method: "HEAD" })).toMatchObject({ status: 405 });
    expect(happened).toEqual([]);
  });

  it("happens after the answer", async () => {
    expect(await ask(address, "/quitquitquit", { method: "POST" })).toMatchObject({ body: "OK\n" });
    await ask(address, "/drain_listeners", { method: "POST" });
    await ask(address, "/drain_listeners?graceful&inboundonly", { method: "POST" });
    await expect
      .poll(() => happened)
      .toEqual([
        "quit",
        'drain {"inboundOnly":false,"graceful":false,"skipExit":false}',
        'drain {"inboundOnly":true,"graceful":true,"skipExit":false}',
      ]);
  });

  it("opens access logs again", async () => {
    expect(await ask(address, "/reopen_logs", { method: "POST" })).toMatchObject({ body: "OK\n" });
    expect(happened).toEqual(["reopen"]);
  });

  it("fails and passes health checks", async () => {
    await ask(address, "/healthcheck/fail", { method: "POST" });
    await ask(address, "/healthcheck/ok", { method: "POST" });
    expect(happened).toEqual(["fail", "pass"]);
  });

  it("resets the counters", async () => {
    await ask(address, "/reset_counters", { method: "POST" });
    expect((await ask(address, "/stats")).body).toContain("cluster.b.upstream_rq_total: 0\n");
  });

  it("is not what pages do: they refuse POST and answer HEAD without a body", async () => {
    const refused = await ask(address, "/stats", { method: "POST" });
    expect(refused).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
    expect(await ask(address, "/stats", { method: "HEAD" })).toMatchObject({
      status: 200,
      body: "",
    });
  });
});

describe("strangers", () => {
  it.each(["evil.example", "evil.example:15000", "localhost.evil.example", "10.0.0.9"])(
    "are refused when they come for another host: %s",
    async (host) => {
      expect(await ask(address, "/stats", { headers: { host } })).toMatchObject({ status: 403 });
    },
  );

  it.each(["localhost:15000", "LOCALHOST", "127.0.0.1", "[::1]:15000"])(
    "are welcome under a name of this machine: %s",
    async (host) => {
      expect(await ask(address, "/ready", { headers: { host } })).toMatchObject({ status: 200 });
    },
  );

  it.each(["http://evil.example", "null", "http://localhost:3000"])(
    "are refused from another origin: %s",
    async (origin) => {
      const headers = { host: "localhost:15000", origin };
      const reply = await ask(address, "/quitquitquit", { method: "POST", headers });
      expect(reply.status).toBe(403);
      expect(happened).toEqual([]);
    },
  );

  it("may not send long bodies", async () => {
    const long = { method: "POST", body: "x".repeat(10_000) };
    expect(await ask(address, "/reset_counters", long)).toMatchObject({ status: 413 });
    const chunked = { ...long, headers: { "transfer-encoding": "chunked" } };
    await ask(address, "/reset_counters", chunked).catch(() => undefined);
    expect(await ask(address, "/ready")).toMatchObject({ status: 200 });
  });
});

describe("the pod's servers", () => {
  it("show metrics and health, whatever name the pod is reached by", async () => {
    const pod = await startPodServers(
      { metrics: [ANYWHERE, ANYWHERE], health: ANYWHERE },
      source(),
    );
    const [metrics = ANYWHERE, again = ANYWHERE] = pod.address.metrics;
    const headers = { host: "reviews:15020" };
    const scrape = await ask(metrics, "/stats/prometheus", { headers });
    expect(scrape.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(scrape.body).toContain("# TYPE envoy_cluster_upstream_rq_total counter\n");
    expect((await ask(again, "/stats/prometheus")).status).toBe(200);
    const health = pod.address.health ?? ANYWHERE;
    expect(await ask(health, "/healthz/ready")).toMatchObject({ status: 200 });
    isReady = false;
    expect(await ask(health, "/healthz/ready")).toMatchObject({ status: 503 });
    expect(await ask(health, "/healthz/ready", { method: "POST" })).toMatchObject({ status: 405 });
    expect(await ask(metrics, "/quitquitquit", { method: "POST" })).toMatchObject({ status: 404 });
    await pod.close();
  });

  it("do not come up by halves", async () => {
    const taken = { metrics: [ANYWHERE, address], health: undefined };
    await expect(startPodServers(taken, source())).rejects.toThrow("EADDRINUSE");
  });
});
