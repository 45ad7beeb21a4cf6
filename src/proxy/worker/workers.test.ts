import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import { answered, originServer } from "../../../test/support/one-hop.ts";
import { connectPeer, type Peer } from "../../../test/support/peer.ts";
import { httpListener, staticCluster } from "../../../test/support/proxy-setup.ts";
import {
  answers,
  countingOrigin,
  GET,
  MANY,
  startWorkersSetup,
  TO_ORIGIN,
  until,
  upstreamConnections,
  type WorkersSetup,
} from "../../../test/support/workers-setup.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import { Refusal } from "./worker-thread.ts";

function direct(body: string): unknown {
  return {
    match: { prefix: "/" },
    direct_response: { status: 200, body: { inline_string: body } },
  };
}

/** The running configuration, changed in its text. */
function changed({ proxy }: WorkersSetup, from: string, to: string): ProxyConfig {
  return JSON.parse(JSON.stringify(proxy.fleet.config).replaceAll(from, to)) as ProxyConfig;
}

describe("two workers", () => {
  it("share the connections of one address, and count as one proxy", async () => {
    const origin = (await countingOrigin()).port;
    const listeners = [httpListener({ routes: TO_ORIGIN })];
    const setup = await startWorkersSetup(listeners, [staticCluster("origin", [origin])]);
    const clients = await setup.clients(MANY);
    for (let round = 0; round < 3; round++) await answers(clients);
    const connections = await upstreamConnections(setup);
    expect(Math.min(...connections)).toBeGreaterThan(0);
    const total = 3 * MANY;
    await until(async () => (await setup.metric("envoy_cluster_upstream_rq")) === total);
    expect(await setup.metric("envoy_cluster_upstream_rq_total")).toBe(total);
    expect(await setup.metric("envoy_http_downstream_rq_total")).toBe(total);
    expect(await setup.metric("envoy_http_downstream_rq_time")).toBe(total);
    expect(await setup.metric("envoy_http_downstream_cx_total")).toBe(MANY);
    expect(await setup.metric("envoy_http_downstream_cx_active")).toBe(MANY);
    expect(await setup.metric("envoy_cluster_membership_total")).toBe(1);
  });

  it("show one proxy on the admin server", async () => {
    const origin = (await countingOrigin()).port;
    const listeners = [httpListener({ routes: TO_ORIGIN })];
    const setup = await startWorkersSetup(listeners, [staticCluster("origin", [origin])]);
    await answers(await setup.clients(MANY));
    const connections = await upstreamConnections(setup);
    const sum = connections.reduce((all, each) => all + each, 0);
    expect(await setup.page("/clusters")).toContain(
      `origin::127.0.0.1:${origin}::cx_active::${sum}\n`,
    );
    expect(await setup.page("/listeners")).toBe(`in::127.0.0.1:${setup.port()}\n`);
    const dump = JSON.parse(await setup.page("/config_dump")) as { configs: object[] };
    expect(JSON.stringify(dump.configs)).toContain('"static_listeners"');
    expect(await setup.page("/stats?filter=downstream_rq_2xx")).toContain(
      `http.in.downstream_rq_2xx: ${MANY}\n`,
    );
    await setup.page("/reset_counters", "POST");
    expect(await setup.metric("envoy_http_downstream_rq_total")).toBe(0);
    expect(await setup.metric("envoy_http_downstream_cx_active")).toBe(MANY);
    expect(await setup.page("/ready")).toBe("LIVE\n");
  });

  it("let requests finish when they stop", async () => {
    const origin = await originServer();
    const clusters = [staticCluster("origin", [origin.port])];
    const setup = await startWorkersSetup([httpListener({ routes: TO_ORIGIN })], clusters);
    const client = await setup.client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    const stopped = setup.proxy.stop(60_000);
    await until(() => connectPeer(setup.port()).then(closed, () => true));
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate");
    expect((await client.receivesResponse()).body).toBe("late");
    await stopped;
    expect(setup.proxy.ready).toBe(false);
  });

  it("write whole lines into one access log", async () => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-")), "access.log");
    const typed_config = {
      "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
      path: file,
      log_format: { text_format_source: { inline_string: "<%REQ(x-id)%>\n" } },
    };
    const hcm = { access_log: [{ name: "file", typed_config }] };
    const setup = await startWorkersSetup([httpListener({ hcm, routes: [direct("ok")] })], []);
    const ids = Array.from({ length: 4 * MANY }, (_, i) => `${i}-${"x".repeat(500)}`);
    const clients = await setup.clients(MANY);
    for (const [i, id] of ids.entries()) {
      const client = clients[i % MANY] as Peer;
      client.sends(GET.replace("\r\n\r\n", `\r\nx-id: ${id}\r\n\r\n`));
      await client.receivesResponse();
    }
    await setup.proxy.stop(0);
    const lines = fs.readFileSync(file, "utf8").split("\n").slice(0, -1);
    expect(lines.sort()).toEqual(ids.map((id) => `<${id}>`).sort());
    fs.rmSync(path.dirname(file), { recursive: true });
  });

  it("carry a client's CONNECT to the listener that waits for its destination", async () => {
    const explicit = {
      ...(httpListener({ routes: [direct("explicit")] }) as object),
      metadata: { filter_metadata: { outrigger: { explicitProxy: true } } },
    };
    const hidden = {
      ...(httpListener({ name: "hidden", routes: [direct("hidden")] }) as object),
      address: { socket_address: { address: "127.0.0.1", port_value: 12_345 } },
      bind_to_port: false,
    };
    const setup = await startWorkersSetup([explicit, hidden], []);
    for (const client of await setup.clients(MANY)) {
      client.sends("CONNECT 127.0.0.1:12345 HTTP/1.1\r\nHost: 127.0.0.1:12345\r\n\r\n");
      await client.receives("\r\n\r\n");
      expect(await answers([client])).toEqual(["hidden"]);
    }
  });
});

function closed(peer: Peer): boolean {
  const { ended } = peer;
  peer.closes();
  return ended;
}

describe("a configuration", () => {
  it("is taken by all workers, new addresses included", async () => {
    const setup = await startWorkersSetup([httpListener({ routes: [direct("old")] })], []);
    const port = setup.port();
    const config = changed(setup, '"old"', '"new"');
    const [listener] = config.listeners;
    if (listener === undefined) throw new Error("no listener");
    await setup.proxy.apply({ ...config, listeners: [listener, { ...listener, name: "more" }] });
    expect(setup.port()).toBe(port);
    expect(setup.port("more")).not.toBe(port);
    for (const name of ["in", "more"]) {
      expect(new Set(await answers(await setup.clients(MANY, name)))).toEqual(new Set(["new"]));
    }
  });

  it("takes clusters out of the metrics, those of a worker that has ended included", async () => {
    const origin = (await countingOrigin()).port;
    const listeners = [httpListener({ routes: TO_ORIGIN })];
    const setup = await startWorkersSetup(listeners, [staticCluster("origin", [origin])]);
    await answers(await setup.clients(MANY));
    await setup.proxy.fleet.threads[0]?.terminate();
    await until(() => setup.proxy.fleet.threads[0]?.state === "serving");
    const named = async (): Promise<boolean> =>
      (await setup.page("/stats/prometheus")).includes('envoy_cluster_name="origin"');
    expect(await named()).toBe(true);
    await setup.proxy.apply({ ...setup.proxy.fleet.config, clusters: [] });
    await until(async () => !(await named()));
    expect(await setup.metric("envoy_http_downstream_rq_total")).toBe(MANY);
  });

  it("that one worker refuses changes nothing in any", async () => {
    const setup = await startWorkersSetup([httpListener({ routes: [direct("old")] })], []);
    const before = setup.proxy.fleet.config;
    const free = await originServer();
    const { port } = free;
    free.close();
    const config = changed(setup, '"old"', '"new"');
    const [listener] = config.listeners;
    if (listener === undefined) throw new Error("no listener");
    const address = { kind: "socket", host: "127.0.0.1", port } as const;
    const more = { ...config, listeners: [listener, { ...listener, name: "more", address }] };
    const [, second] = setup.proxy.fleet.threads;
    if (second === undefined) throw new Error("no second worker");
    vi.spyOn(second, "prepare").mockRejectedValueOnce(new Refusal("not me"));
    await expect(setup.proxy.apply(more)).rejects.toThrow("not me");
    expect(setup.proxy.fleet.config).toBe(before);
    expect(new Set(await answers(await setup.clients(MANY)))).toEqual(new Set(["old"]));
    await expect(connectPeer(port)).rejects.toThrow("ECONNREFUSED");
    await setup.proxy.apply(more);
    expect(new Set(await answers(await setup.clients(MANY, "more")))).toEqual(new Set(["new"]));
  });

  it("is refused where another program has an address, even one that would share it", async () => {
    const setup = await startWorkersSetup([httpListener({ routes: [direct("one")] })], []);
    const other = await startWorkersSetup([httpListener({ routes: [direct("two")] })], []);
    const [listener] = setup.proxy.fleet.config.listeners;
    if (listener === undefined) throw new Error("no listener");
    const address = { kind: "socket", host: "127.0.0.1", port: other.port() } as const;
    const config = { ...setup.proxy.fleet.config, listeners: [{ ...listener, address }] };
    await expect(setup.proxy.apply(config)).rejects.toThrow("listener in: listen EADDRINUSE");
    expect(await answers([await setup.client()])).toEqual(["one"]);
  });

  it("that no worker can serve keeps the proxy from starting", async () => {
    const hcm = {
      access_log: [
        {
          name: "file",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            path: "/nowhere/at/all",
          },
        },
      ],
    };
    const listeners = [httpListener({ hcm, routes: [direct("one")] })];
    await expect(startWorkersSetup(listeners, [])).rejects.toThrow("/nowhere/at/all");
  });
});

describe("a worker that ends", () => {
  it("is replaced, and costs its own connections alone", async () => {
    const origin = await originServer();
    const thresholds = [{ max_requests: MANY }];
    const cluster = staticCluster("origin", [origin.port], { circuit_breakers: { thresholds } });
    const setup = await startWorkersSetup([httpListener({ routes: TO_ORIGIN })], [cluster]);
    const port = setup.port();
    const clients = await setup.clients(MANY);
    for (const client of clients) client.sends(GET);
    const upstreams = await Promise.all(clients.map(() => origin.accepts()));
    await until(async () => (await setup.metric("envoy_cluster_upstream_rq_active")) === MANY);
    const [, others = 0] = await upstreamConnections(setup);
    const first = setup.proxy.fleet.threads[0];
    await first?.terminate();
    await until(() => clients.filter(({ ended }) => ended).length === MANY - others);
    expect(await setup.metric("envoy_cluster_upstream_rq_active")).toBe(others);
    expect(await setup.metric("envoy_http_downstream_cx_active")).toBe(others);
    expect(await setup.metric("envoy_http_downstream_rq_total")).toBe(MANY);
    expect(setup.notices).toEqual(["worker 0 has ended and is replaced: it exited"]);
    await until(() => setup.proxy.fleet.threads[0]?.state === "serving");
    expect(setup.proxy.fleet.threads[0]).not.toBe(first);
    for (const upstream of upstreams.filter(({ ended }) => !ended)) await answered(upstream);
    const alive = clients.filter(({ ended }) => !ended);
    expect(await Promise.all(alive.map((client) => client.receivesResponse()))).toEqual(
      alive.map(() => ({ head: expect.stringContaining("200 OK"), body: "ok" })),
    );
    expect(setup.port()).toBe(port);
    await until(async () => (await setup.metric("envoy_cluster_upstream_rq_active")) === 0);
    for (const client of await setup.clients(MANY)) client.sends(GET);
    await until(async () => (await setup.metric("envoy_cluster_upstream_rq_active")) === MANY);
    expect(Math.min(...(await upstreamConnections(setup)))).toBeGreaterThan(0);
    expect(await setup.metric("envoy_http_downstream_rq_total")).toBe(2 * MANY);
    expect(await setup.metric("envoy_cluster_upstream_rq_active_overflow")).toBe(0);
  });

  it("again and again never makes the address refuse anybody", async () => {
    const setup = await startWorkersSetup([httpListener({ routes: [direct("ok")] })], []);
    const { fleet } = setup.proxy;
    const refusals: unknown[] = [];
    let over = false;
    const knocking = (async () => {
      while (!over) {
        const peer = await connectPeer(setup.port()).catch((error: unknown) => {
          refusals.push(error);
        });
        peer?.closes();
      }
    })();
    for (let end = 0; end < 4; end++) {
      const dying = fleet.threads[0];
      await dying?.terminate();
      await until(() => fleet.threads[0] !== dying && fleet.threads[0]?.state === "serving");
    }
    over = true;
    await knocking;
    expect(refusals.filter((error) => String(error).includes("ECONNREFUSED"))).toEqual([]);
    expect(new Set(await answers(await setup.clients(MANY)))).toEqual(new Set(["ok"]));
  });

  it("while a configuration is prepared does not keep the others from taking it", async () => {
    const setup = await startWorkersSetup([httpListener({ routes: [direct("old")] })], []);
    const [first] = setup.proxy.fleet.threads;
    const applied = setup.proxy.apply(changed(setup, '"old"', '"new"'));
    await first?.terminate();
    await applied;
    await until(() => setup.proxy.fleet.threads[0]?.state === "serving");
    expect(new Set(await answers(await setup.clients(MANY)))).toEqual(new Set(["new"]));
  });
});

describe("a fault in a worker", () => {
  it("is told, and costs no worker", async () => {
    const setup = await startWorkersSetup([httpListener({ routes: [direct("ok")] })], []);
    const [first] = setup.proxy.fleet.threads;
    await expect(first?.ask("prepare", JSON.parse('{"names":{}}'))).rejects.toThrow();
    expect(await answers(await setup.clients(3))).toEqual(["ok", "ok", "ok"]);
    expect(setup.proxy.fleet.threads[0]).toBe(first);
  });
});
