import http from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { ask } from "../support/ask.ts";
import { freePort } from "../support/envoy-process.ts";
import { type ProxyKind, type ProxyProgram, startProgram } from "../support/proxy-program.ts";
import { httpListener, staticCluster } from "../support/proxy-setup.ts";
import { describeWith } from "../support/tools.ts";

const RHYTHM = {
  timeout: "2s",
  interval: "0.1s",
  no_traffic_interval: "0.1s",
  unhealthy_threshold: 2,
  healthy_threshold: 2,
};

const PATIENCE = { timeout: 10_000 };

interface Listening {
  listen(port: number, host: string, then: () => void): unknown;
  address(): AddressInfo | string | null;
  close(): unknown;
}

let running: { close(): unknown }[] = [];
let proxy: ProxyProgram | undefined;

afterEach(async () => {
  await proxy?.stop();
  proxy = undefined;
  for (const server of running) server.close();
  running = [];
});

async function listen(server: Listening): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  running.push(server);
  return (server.address() as AddressInfo).port;
}

/** What one kind of endpoint answers to checks, and what it saw of them. */
interface Endpoint {
  readonly port: number;
  readonly seen: string[];
}

async function httpEndpoint(answer: (response: http.ServerResponse) => void): Promise<Endpoint> {
  const seen: string[] = [];
  const server = http.createServer((request, response) => {
    const { method, url, rawHeaders, httpVersion } = request;
    seen.push([method, url, httpVersion, ...rawHeaders].join(" ").replace(/:\d+/, ":port"));
    answer(response);
  });
  server.on("close", () => server.closeAllConnections());
  return { port: await listen(server), seen };
}

async function http2Endpoint(status: number): Promise<Endpoint> {
  const seen: string[] = [];
  const server = http2.createServer((request, response) => {
    const names = Object.entries(request.headers).map(([name, value]) => `${name} ${value}`);
    seen.push(names.join(" "));
    response.writeHead(status).end();
  });
  return { port: await listen(server), seen };
}

async function tcpEndpoint(answer: string): Promise<Endpoint> {
  const seen: string[] = [];
  const server = net.createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      seen.push(bytes.toString());
      // In two pieces, so that what is expected lies across them.
      socket.write(answer.slice(0, 3));
      setImmediate(() => socket.write(answer.slice(3)));
    });
  });
  return { port: await listen(server), seen };
}

describeWith(["envoy"], "health checks", () => {
  // Envoy shows that the tests themselves are right.
  describe.each<ProxyKind>(["envoy", "outrigger"])("of %s", (kind) => {
    async function start(
      ports: readonly number[],
      check: object,
      configs: readonly object[] = [],
    ): Promise<void> {
      const endpoints = ports.map((port_value, i) => ({
        endpoint: {
          address: { socket_address: { address: "127.0.0.1", port_value } },
          health_check_config: configs[i] ?? {},
        },
      }));
      const cluster = staticCluster("app", ports, {
        load_assignment: { cluster_name: "app", endpoints: [{ lb_endpoints: endpoints }] },
        health_checks: [{ ...RHYTHM, ...check }],
        common_lb_config: { healthy_panic_threshold: { value: 0 } },
      });
      const routes = [{ match: { prefix: "/" }, route: { cluster: "app" } }];
      proxy = await startProgram(kind, httpListener({ routes }), [cluster]);
    }

    function admin(): ProxyProgram["admin"] {
      if (proxy === undefined) throw new Error("no proxy");
      return proxy.admin;
    }

    /** `healthy` or flags, by endpoint. */
    async function flags(ports: readonly number[]): Promise<string[]> {
      const { body } = await ask(admin(), "/clusters");
      return ports.map((port) => {
        return body.match(new RegExp(`:${port}::health_flags::(.*)`))?.[1] ?? "";
      });
    }

    async function settles(ports: readonly number[], wanted: readonly string[]): Promise<void> {
      await expect.poll(() => flags(ports), PATIENCE).toEqual(wanted);
    }

    async function stat(name: string): Promise<number> {
      const { body } = await ask(admin(), `/stats?filter=cluster.app.${name}`);
      return Number(body.match(new RegExp(`cluster\\.app\\.${name}: (\\d+)`))?.[1] ?? -1);
    }

    it("over HTTP go by the status, and say who asks", async () => {
      const good = await httpEndpoint((response) => response.end("fine"));
      const bad = await httpEndpoint((response) => response.writeHead(503).end("no"));
      const worn = await httpEndpoint((response) => {
        response.writeHead(200, { "x-envoy-degraded": "true" }).end();
      });
      const dead = await freePort();
      const ports = [good.port, bad.port, worn.port, dead];
      const headers = [{ header: { key: "x-probe", value: "1" } }];
      await start(ports, {
        http_health_check: { path: "/healthz", request_headers_to_add: headers },
      });
      const out = "/failed_active_hc";
      await settles(ports, ["healthy", out, "/degraded_active_hc", out]);
      expect(good.seen[0]).toBe("GET /healthz 1.1 host app user-agent Envoy/HC x-probe 1");
      expect(await stat("health_check.healthy")).toBe(2);
      expect(await stat("health_check.degraded")).toBe(1);
      expect(await stat("health_check.network_failure")).toBeGreaterThan(0);
    });

    it("over HTTP take the statuses and bodies that are expected", async () => {
      const answers = [
        [204, ""],
        [200, "..ready..steady.."],
        [200, "steady ready"],
        [404, "ready steady"],
      ] as const;
      const endpoints = await Promise.all(
        answers.map(([status, body]) =>
          httpEndpoint((response) => response.writeHead(status).end(body)),
        ),
      );
      const ports = endpoints.map(({ port }) => port);
      const hex = (text: string) => ({ text: Buffer.from(text).toString("hex") });
      await start(ports, {
        http_health_check: {
          path: "/",
          host: "health.example",
          method: "POST",
          expected_statuses: [{ start: 200, end: 205 }],
          receive: [hex("ready"), hex("steady")],
        },
      });
      const out = "/failed_active_hc";
      await settles(ports, [out, "healthy", out, out]);
      expect(endpoints[0]?.seen[0]).toMatch(/^POST \/ 1.1 host health.example/);
    });

    it("over HTTP let statuses that can be tried again only count", async () => {
      let failing = false;
      const endpoint = await httpEndpoint((response) => {
        response.writeHead(failing ? 429 : 200).end();
      });
      await start([endpoint.port], {
        unhealthy_threshold: 3,
        http_health_check: { path: "/", retriable_statuses: [{ start: 429, end: 430 }] },
      });
      await settles([endpoint.port], ["healthy"]);
      const before = await stat("health_check.failure");
      failing = true;
      await settles([endpoint.port], ["/failed_active_hc"]);
      expect((await stat("health_check.failure")) - before).toBeGreaterThanOrEqual(3);
      failing = false;
      await settles([endpoint.port], ["healthy"]);
    });

    it("go over HTTP/2 where they shall", async () => {
      const good = await http2Endpoint(200);
      const bad = await http2Endpoint(500);
      const ports = [good.port, bad.port];
      await start(ports, { http_health_check: { path: "/up", codec_client_type: "HTTP2" } });
      await settles(ports, ["healthy", "/failed_active_hc"]);
      expect(good.seen[0]).toContain(":path /up");
      expect(good.seen[0]).toContain("user-agent Envoy/HC");
    });

    it("over TCP want a connection, or what comes over it", async () => {
      const silent = await tcpEndpoint("");
      const dead = await freePort();
      await start([silent.port, dead], { tcp_health_check: {} });
      await settles([silent.port, dead], ["healthy", "/failed_active_hc"]);
      expect(silent.seen).toEqual([]);
    });

    it("over TCP look for what is expected, in its order", async () => {
      const pong = await tcpEndpoint("+PONG, all well");
      const other = await tcpEndpoint("-ERR well PONG");
      const ports = [pong.port, other.port];
      const hex = (text: string) => ({ text: Buffer.from(text).toString("hex") });
      await start(ports, {
        timeout: "0.3s",
        tcp_health_check: { send: hex("PING"), receive: [hex("PONG"), hex("well")] },
      });
      await expect
        .poll(() => flags(ports), PATIENCE)
        .toEqual(["healthy", expect.stringContaining("/failed_active_hc")]);
      expect(pong.seen[0]).toBe("PING");
    });

    it("go where an endpoint wants to be checked, or nowhere", async () => {
      const app = await httpEndpoint((response) => response.writeHead(500).end());
      const other = await httpEndpoint((response) => response.writeHead(500).end());
      const side = await httpEndpoint((response) => response.end());
      const aside = { port_value: side.port, hostname: "side.example" };
      const check = { http_health_check: { path: "/", host: "all.example" } };
      await start([app.port, other.port], check, [aside, { disable_active_health_check: true }]);
      await settles([app.port, other.port], ["healthy", "healthy"]);
      expect([...app.seen, ...other.seen]).toEqual([]);
      expect(side.seen[0]).toMatch(/host side.example/);
    });
  });
});
