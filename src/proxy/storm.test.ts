import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { MOODY_ORIGINS } from "../../test/support/moody-origin.ts";
import { running } from "../../test/support/one-hop.ts";
import {
  httpListener,
  OVER_HTTP2,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";
import { SeededRandom } from "../base/random.ts";
import type { Host } from "./cluster/host.ts";

/** Clients at a time, and requests in all. */
const CLIENTS = 24;
const REQUESTS = 240;

const THRESHOLDS = {
  max_connections: 3,
  max_pending_requests: 12,
  max_requests: 14,
  max_retries: 2,
};
const RETRIES = {
  retry_on: "reset,connect-failure,refused-stream,5xx",
  num_retries: 2,
  retry_back_off: { base_interval: "0.001s", max_interval: "0.003s" },
};
/** What routes say beside their cluster: the tries of a request follow, or join, each other. */
const TRIES: Readonly<Record<string, object>> = {
  "one after the other": { retry_policy: RETRIES },
  "beside each other": {
    hedge_policy: { hedge_on_per_try_timeout: true },
    retry_policy: { ...RETRIES, num_retries: 4, per_try_timeout: "0.002s" },
  },
};

interface Scene {
  readonly setup: ProxySetup;
  readonly host: Host;
}

async function scene(protocol: string, tries: string, random: SeededRandom): Promise<Scene> {
  const port = (await MOODY_ORIGINS[protocol]?.(random)) ?? 0;
  const cluster = staticCluster("origin", [port], {
    ...(protocol === "HTTP/2" ? OVER_HTTP2 : {}),
    circuit_breakers: { thresholds: [THRESHOLDS] },
    max_requests_per_connection: 7,
  });
  const route = { match: { prefix: "/" }, route: { cluster: "origin", ...TRIES[tries] } };
  const setup = await startSetup([httpListener({ routes: [route] })], [cluster]);
  running.push(setup);
  const host = setup.proxy.dataPlane.clusters.slot("origin").cluster?.hosts[0];
  if (host === undefined) throw new Error("the cluster has no host");
  return { setup, host };
}

/** Sends one request, and may leave before its answer; gives all that came until the end. */
function request(port: number, path: string, random: SeededRandom): Promise<string> {
  const body = "b".repeat(random.below(3) * random.below(40_000));
  const half = random.below(body.length + 1);
  const leaves = random.below(6) === 0;
  return new Promise((resolve) => {
    let received = "";
    const socket = connect({ port, host: "127.0.0.1" });
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      received += String(text);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(received));
    const method = body === "" ? "GET" : "PUT";
    const head =
      `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
      `Content-Length: ${body.length}\r\n\r\n`;
    socket.write(head + body.slice(0, half));
    setImmediate(() => {
      if (leaves) socket.destroy();
      else socket.write(body.slice(half));
    });
  });
}

async function storm({ setup, host }: Scene, random: SeededRandom): Promise<string[]> {
  const wrong: string[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < REQUESTS) {
      const path = `/${next++}`;
      const received = await request(setup.port(), path, random);
      if (random.below(20) === 0) host.drain();
      const heads = received.match(/HTTP\/1\.1 \d+/g) ?? [];
      const whole = received.startsWith("HTTP/1.1 200") && received.includes("content-length");
      const bodyIsOurs = path.startsWith(received.split("\r\n\r\n")[1] ?? "");
      if (heads.length > 1 || (whole && !bodyIsOurs)) wrong.push(`${path}: ${received}`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return wrong;
}

/** All that the cluster has in use, or counts as going on. */
function inUse({ setup, host }: Scene): Record<string, number> {
  const { limits, stats } = host.cluster;
  return {
    downstream: setup.proxy.telemetry.http("in").value("downstream_rq_active"),
    requests: stats.value("upstream_rq_active"),
    waiting: stats.value("upstream_rq_pending_active"),
    connections: stats.value("upstream_cx_active"),
    ofHost: host.activeRequests,
    ofPools: host.connections,
    limitedRequests: THRESHOLDS.max_requests - limits.remainingRequests,
    limitedWaiting: THRESHOLDS.max_pending_requests - limits.remainingPending,
    limitedRetries: THRESHOLDS.max_retries - limits.remainingRetries,
    limitedConnections: THRESHOLDS.max_connections - limits.remainingConnections,
    faults: host.cluster.context.faults.total,
  };
}

const STORMS = Object.keys(MOODY_ORIGINS).flatMap((protocol) =>
  Object.keys(TRIES).map((tries) => ({ protocol, tries })),
);

describe.each(STORMS)(
  "requests in a storm, over $protocol, tried $tries",
  ({ protocol, tries }) => {
    it.each([1, 2, 3, 4])("are answered once, and leave nothing behind: seed %i", async (seed) => {
      const random = new SeededRandom(seed);
      const all = await scene(protocol, tries, random);
      expect(await storm(all, random)).toEqual([]);
      await expect.poll(() => inUse(all).requests).toBe(0);
      all.host.retire();
      const nothing = Object.fromEntries(Object.keys(inUse(all)).map((what) => [what, 0]));
      await expect.poll(() => inUse(all)).toEqual(nothing);
    });
  },
);
