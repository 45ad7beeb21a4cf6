/** Circuits of a proxy as a program, in real time, with an origin that counts. */
import http from "node:http";
import type net from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { socketAddress } from "../../src/model/address.ts";
import { ask } from "../support/ask.ts";
import { circuitMetadata } from "../support/circuit-scene.ts";
import { freePort } from "../support/envoy-process.ts";
import { parseExposition } from "../support/exposition.ts";
import { Outrigger } from "../support/outrigger.ts";
import { httpListener, staticCluster } from "../support/proxy-setup.ts";

const SLEEP_MS = 1000;
const CLIENTS = 20;
const CIRCUIT = {
  window: { durationMs: 10_000, buckets: 10 },
  open: { kind: "errorPercentage", requestVolume: 20, errorPercentage: 50 },
  sleepMs: SLEEP_MS,
  explains: true,
};

const started: (() => void)[] = [];

afterEach(() => {
  for (const end of started.splice(0)) end();
});

interface Origin {
  readonly port: number;
  /** What each request got, in their order. */
  readonly answers: number[];
  /** Requests that were with it at a time. */
  most: number;
  status: number;
}

async function startOrigin(): Promise<Origin> {
  const origin = { port: 0, answers: [] as number[], status: 200, most: 0 };
  let active = 0;
  const server = http.createServer((_, response) => {
    origin.answers.push(origin.status);
    active++;
    origin.most = Math.max(origin.most, active);
    setImmediate(() => {
      active--;
      response.writeHead(origin.status).end("origin");
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  started.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(origin, { port: (server.address() as net.AddressInfo).port });
}

async function startProxy(origin: Origin, workers: string, circuit = {}) {
  const [port, admin] = [await freePort(), await freePort()];
  const address = (at: number) => ({ socket_address: { address: "127.0.0.1", port_value: at } });
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const listener = { ...(httpListener({ routes }) as object), address: address(port) };
  const metadata = circuitMetadata({ ...CIRCUIT, ...circuit });
  const cluster = staticCluster("origin", [origin.port], metadata);
  const static_resources = { listeners: [listener], clusters: [cluster] };
  const text = JSON.stringify({ admin: { address: address(admin) }, static_resources });
  const run = new Outrigger(["proxy", "-c", "-", "--concurrency", workers], text);
  started.push(() => run.clean());
  let ended = false;
  void run.ended.then(() => {
    ended = true;
  });
  const page = (path: string) => ask(socketAddress("127.0.0.1", admin), path);
  while ((await page("/ready").catch(() => undefined))?.status !== 200) {
    if (ended) throw new Error(run.stderr);
  }
  return { port, page };
}

interface Told {
  readonly status: number;
  readonly body: string;
  readonly headers: http.IncomingHttpHeaders;
}

/** Requests on connections of their own, so that every worker gets some. */
function request(port: number, path = "/"): Promise<Told> {
  return new Promise((resolve, reject) => {
    const sent = http.get({ port, path, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (data) => {
        body += String(data);
      });
      const { headers, statusCode: status = 0 } = response;
      response.on("end", () => resolve({ status, body, headers }));
    });
    sent.on("error", reject);
  });
}

describe.each(["1", "2"])("a circuit of outrigger proxy --concurrency %s", (workers) => {
  it("opens, keeps away from the origin, tries once, and closes", async () => {
    const origin = await startOrigin();
    const { page, port } = await startProxy(origin, workers);
    origin.status = 500;
    let refused: Told | undefined;
    while (refused === undefined) {
      const told = await request(port);
      if (told.status === 503) refused = told;
    }
    expect(origin.answers).toHaveLength(20);
    expect(refused.body).toBe("circuit default/ratings is open");
    expect(refused.headers).toMatchObject({
      "x-outrigger-circuit": "default/ratings",
      "retry-after": "1",
    });
    // Everybody asks until somebody gets through: of all that is the origin has heard one.
    origin.status = 200;
    let good = 0;
    while (good === 0) {
      const all = await Promise.all(Array.from({ length: CLIENTS }, () => request(port)));
      good = all.filter(({ status }) => status === 200).length;
    }
    expect(origin.answers.slice(20).every((status) => status === 200)).toBe(true);
    expect((await request(port)).status).toBe(200);
    const { circuits } = JSON.parse((await page("/circuits")).body);
    const changes = circuits[0].transitions.map(({ to }: { to: string }) => to);
    expect(changes).toEqual(["open", "halfOpen", "closed"]);
    const [open, half] = circuits[0].transitions.map(({ time }: { time: string }) =>
      Date.parse(time),
    );
    expect(half - open).toBeGreaterThanOrEqual(SLEEP_MS - 1);
    expect(circuits[0]).toMatchObject({ name: "default/ratings", state: "closed" });
    const families = parseExposition((await page("/stats/prometheus")).body);
    const recoveries = families.get("outrigger_circuit_recovery_seconds")?.samples ?? new Map();
    expect([...recoveries.entries()].some(([, value]) => value === 1)).toBe(true);
  });

  it("never lets more calls in at a time than its bulkhead holds", async () => {
    const origin = await startOrigin();
    const { port } = await startProxy(origin, workers, {
      maxConcurrent: 3,
      open: { kind: "consecutiveErrors", errors: 1000 },
    });
    const told = await Promise.all(Array.from({ length: 200 }, () => request(port)));
    const passed = told.filter(({ status }) => status === 200);
    const full = told.filter(({ body }) => body.includes("no room for another call"));
    expect(passed.length + full.length).toBe(200);
    expect(origin.answers).toHaveLength(passed.length);
    expect(passed.length).toBeGreaterThan(0);
    expect(origin.most).toBeLessThanOrEqual(3);
    // All places are free again.
    expect((await request(port)).status).toBe(200);
  });
});
