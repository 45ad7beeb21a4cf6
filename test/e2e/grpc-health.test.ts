import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask } from "../support/ask.ts";
import { freePort } from "../support/envoy-process.ts";
import { HealthService } from "../support/grpc-health.ts";
import { EchoClient, EchoServer } from "../support/grpc-peer.ts";
import { type ProxyKind, type ProxyProgram, startProgram } from "../support/proxy-program.ts";
import { httpListener, OVER_HTTP2, staticCluster } from "../support/proxy-setup.ts";
import { describeWith } from "../support/tools.ts";

const CHECK = {
  timeout: "2s",
  interval: "0.1s",
  no_traffic_interval: "0.1s",
  unhealthy_threshold: 2,
  healthy_threshold: 2,
  grpc_health_check: { service_name: "echo.Echo" },
};

const PATIENCE = { timeout: 10_000 };

describeWith(["envoy"], "health checks over gRPC", () => {
  // Envoy shows that the tests themselves are right.
  describe.each<ProxyKind>(["envoy", "outrigger"])("of %s", (kind) => {
    const services: HealthService[] = [];
    let servers: EchoServer[] = [];
    let dead = 0;
    let proxy: ProxyProgram;

    beforeAll(async () => {
      servers = await Promise.all(["a", "b", "bare"].map((name) => EchoServer.listen(name)));
      for (const { name, server } of servers) {
        if (name !== "bare") services.push(new HealthService().addTo(server));
      }
      dead = await freePort();
      const ports = [...servers.map(({ port }) => port), dead];
      const cluster = staticCluster("echo", ports, {
        ...OVER_HTTP2,
        health_checks: [CHECK],
        common_lb_config: { healthy_panic_threshold: { value: 0 } },
      });
      const routes = [{ match: { prefix: "/" }, route: { cluster: "echo" } }];
      proxy = await startProgram(kind, httpListener({ routes }), [cluster]);
    });

    afterAll(async () => {
      await proxy?.stop();
      for (const server of servers) server.stop();
    });

    /** Of a, b, the server without the service, and of nobody. */
    async function flags(): Promise<string[]> {
      const { body } = await ask(proxy.admin, "/clusters");
      return [...servers.map(({ port }) => port), dead].map((port) => {
        const line = body.match(new RegExp(`:${port}::health_flags::(.*)`));
        return line?.[1] ?? "";
      });
    }

    it("hosts are healthy that say so", async () => {
      const out = "/failed_active_hc";
      await expect.poll(flags, PATIENCE).toEqual(["healthy", "healthy", out, out]);
      expect(services.map(({ seen }) => seen[0])).toMatchObject([
        { service: "echo.Echo", host: "echo", metadata: { "user-agent": "Envoy/HC" } },
        { service: "echo.Echo", host: "echo", metadata: { "user-agent": "Envoy/HC" } },
      ]);
    });

    it("only they get calls, and nobody where there is none", async () => {
      const client = new EchoClient(proxy.port);
      const [a, b] = services;
      if (a === undefined || b === undefined) throw new Error("two services");
      // Who answers four calls, or what the proxy says instead. Envoy's balancer hears of several
      // changes in one second only at its end.
      const answers = async (): Promise<string[]> => {
        const endings = [1, 2, 3, 4].map(() => client.unary({ text: "" }));
        const each = (await Promise.all(endings)).map(({ answers: [one], details }) => {
          return one?.from ?? details;
        });
        return [...new Set(each)].sort();
      };
      await expect.poll(answers, PATIENCE).toEqual(["a", "b"]);
      a.serving = "NOT_SERVING";
      await expect.poll(answers, PATIENCE).toEqual(["b"]);
      b.serving = "NOT_SERVING";
      await expect.poll(answers, PATIENCE).toEqual(["no healthy upstream"]);
      a.serving = "SERVING";
      await expect.poll(answers, PATIENCE).toEqual(["a"]);
      client.stop();
    });

    it("statistics tell of it", async () => {
      const { body } = await ask(proxy.admin, "/stats?filter=cluster.echo");
      const stats = new Map(body.split("\n").map((line) => line.split(": ") as [string, string]));
      const count = (name: string): number => Number(stats.get(`cluster.echo.${name}`));
      expect(count("membership_healthy")).toBe(1);
      expect(count("health_check.healthy")).toBe(1);
      expect(count("health_check.success")).toBeGreaterThan(1);
      expect(count("health_check.network_failure")).toBeGreaterThan(1);
      expect(count("health_check.failure")).toBeGreaterThan(count("health_check.network_failure"));
    });
  });
});
