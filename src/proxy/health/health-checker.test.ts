import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseExposition } from "../../../test/support/exposition.ts";
import { HealthService } from "../../../test/support/grpc-health.ts";
import { EchoServer } from "../../../test/support/grpc-peer.ts";
import {
  OVER_HTTP2,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";
import { Hash64 } from "../balance/hash/hash64.ts";
import type { Host } from "../cluster/host.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";

const HASH = new Hash64();

const CHECK = {
  timeout: "1s",
  interval: "10s",
  no_traffic_interval: "60s",
  unhealthy_threshold: 2,
  healthy_threshold: 2,
};

let clock: VirtualClock;
let server: EchoServer;
let health: HealthService;
let setup: ProxySetup | undefined;

beforeEach(async () => {
  clock = new VirtualClock();
  server = await EchoServer.listen("a");
  health = new HealthService().addTo(server.server);
});

afterEach(async () => {
  await setup?.stop();
  setup = undefined;
  server.stop();
});

/** A cluster of the server and of `ports`, with these fields of Envoy's HealthCheck. */
async function check(fields: object = {}, ports: readonly number[] = []): Promise<void> {
  const health_checks = [{ ...CHECK, grpc_health_check: {}, ...fields }];
  const cluster = staticCluster("echo", [server.port, ...ports], { ...OVER_HTTP2, health_checks });
  setup = await startSetup([], [cluster], clock);
}

function cluster(): UpstreamCluster {
  const found = setup?.proxy.dataPlane.clusters.slot("echo").cluster;
  if (found === undefined) throw new Error("no cluster");
  return found;
}

function host(): Host {
  const [first] = cluster().hosts;
  if (first === undefined) throw new Error("no host");
  return first;
}

/** Resolves when so many checks have come to the server and been answered as they are now. */
async function checked(times: number): Promise<void> {
  await expect.poll(() => health.seen.length).toBe(times);
}

describe("a health check", () => {
  it("asks for the service as Envoy does, and makes the host healthy", async () => {
    await check({ grpc_health_check: { service_name: "a.B" } });
    expect(host().health).toBe("unhealthy");
    await expect.poll(() => host().health).toBe("healthy");
    expect(health.seen).toMatchObject([
      { service: "a.B", host: "echo", metadata: { "user-agent": "Envoy/HC" } },
    ]);
    expect(health.seen[0]?.leftMs).toBeLessThanOrEqual(1000);
    expect(setup?.stat("echo", "membership_healthy")).toBe(1);
  });

  it("leaves a host out that says that it does not serve", async () => {
    health.serving = "NOT_SERVING";
    await check({ grpc_health_check: { authority: "me.test" } });
    await checked(1);
    expect(health.seen[0]?.host).toBe("me.test");
    expect(host().health).toBe("unhealthy");
  });

  it("comes again after the interval, which is long while nobody asks the cluster", async () => {
    await check();
    await expect.poll(() => host().health).toBe("healthy");
    clock.advance(59_000);
    expect(health.seen).toHaveLength(1);
    clock.advance(1001);
    await checked(2);
  });

  it("comes again after the short interval once there has been traffic", async () => {
    await check();
    cluster().stats.count("upstream_cx_total");
    await expect.poll(() => host().health).toBe("healthy");
    clock.advance(10_001);
    await checked(2);
  });

  it("that has no answer in time counts as a failure of the network", async () => {
    await check();
    cluster().stats.count("upstream_cx_total");
    await expect.poll(() => host().health).toBe("healthy");
    health.serving = "silent";
    for (const times of [2, 3]) {
      expect(host().health).toBe("healthy");
      clock.advance(10_001);
      await checked(times);
      clock.advance(1001);
    }
    expect(host()).toMatchObject({ health: "unhealthy", checkTimedOut: true });
  });

  it("fails where the server knows no such service", async () => {
    health.serving = "failing";
    await check();
    await expect.poll(() => counted("failure")).toBe(1);
    health.serving = "SERVING";
    clock.advance(60_001);
    await checked(2);
    // Twice in a row: the very first check has failed.
    expect(host().health).toBe("unhealthy");
    await expect.poll(nextHealth).toBe("healthy");
  });

  it("fails where nobody is there any more", async () => {
    await check();
    await expect.poll(() => host().health).toBe("healthy");
    const { port } = server;
    server.stop();
    server = await EchoServer.listen("b");
    expect(server.port).not.toBe(port);
    await expect.poll(nextHealth).toBe("unhealthy");
  });
});

/** Moves on to the next check, once the one before has its answer: it would time out otherwise. */
function nextHealth(): string {
  const pending = counted("attempt") - counted("success") - counted("failure");
  if (pending === 0) clock.advance(60_001);
  return host().health;
}

/** Health checks of all hosts, by what became of them. */
function counted(what: "attempt" | "success" | "failure"): number {
  if (setup === undefined) throw new Error("no proxy");
  const text = [...renderPrometheus(setup.proxy.telemetry.registry)].join("");
  const { samples } = parseExposition(text).get(`envoy_cluster_health_check_${what}`) ?? {};
  return [...(samples?.values() ?? [])].reduce((sum, value) => sum + value, 0);
}

it("only healthy hosts are picked", async () => {
  const sick = await EchoServer.listen("sick");
  new HealthService().addTo(sick.server).serving = "NOT_SERVING";
  await check({}, [sick.port]);
  await expect.poll(() => host().health).toBe("healthy");
  const picked = new Set(Array.from({ length: 8 }, () => cluster().pick(HASH, 0)?.text));
  expect([...picked]).toEqual([`127.0.0.1:${server.port}`]);
  sick.stop();
});

it("where no host is healthy all are picked, as in any panic", async () => {
  health.serving = "NOT_SERVING";
  await check();
  await checked(1);
  expect(cluster().pick(HASH, 0)?.text).toBe(`127.0.0.1:${server.port}`);
});
