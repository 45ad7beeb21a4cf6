/** Proxies of several workers as programs: the command line, real clients, both modes of a mesh. */
import { once } from "node:events";
import { rmSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { socketAddress } from "../../src/model/address.ts";
import { ask } from "../support/ask.ts";
import { type Family, parseExposition } from "../support/exposition.ts";
import { folderOf, Outrigger, outrigger, serviceYaml } from "../support/outrigger.ts";
import { httpListener, staticCluster } from "../support/proxy-setup.ts";
import { describeWith } from "../support/tools.ts";

const CONNECTIONS = 60;
const ROUNDS = 20;

const started: (() => void)[] = [];

afterEach(() => {
  for (const end of started.splice(0)) end();
});

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Answers every tenth request with a 503, all others with what they sent. */
async function echoOrigin(): Promise<number> {
  let count = 0;
  const server = http.createServer((request, response) => {
    count++;
    if (count % 10 === 0) response.statusCode = 503;
    request.pipe(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  started.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

/** The proxy as a program, on a listener and an admin port of this machine. */
async function startProgram(workers: string): Promise<{ port: number; admin: number }> {
  const [port, admin, origin] = [await freePort(), await freePort(), await echoOrigin()];
  const address = (at: number) => ({ socket_address: { address: "127.0.0.1", port_value: at } });
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const listener = { ...(httpListener({ routes }) as object), address: address(port) };
  const static_resources = { listeners: [listener], clusters: [staticCluster("origin", [origin])] };
  const text = JSON.stringify({ admin: { address: address(admin) }, static_resources });
  const run = new Outrigger(["proxy", "-c", "-", "--concurrency", workers], text);
  started.push(() => run.clean());
  let ended = false;
  void run.ended.then(() => {
    ended = true;
  });
  const ready = () => ask(socketAddress("127.0.0.1", admin), "/ready").catch(() => undefined);
  while ((await ready())?.status !== 200) {
    if (ended) throw new Error(run.stderr);
  }
  return { port, admin };
}

async function scrape(admin: number): Promise<ReadonlyMap<string, Family>> {
  const { body } = await ask(socketAddress("127.0.0.1", admin), "/stats/prometheus");
  return parseExposition(body);
}

function sum(families: ReadonlyMap<string, Family>, name: string, label = ""): number {
  const samples = [...(families.get(name)?.samples ?? [])];
  return samples
    .filter(([sample]) => sample.includes(label))
    .reduce((total, [, value]) => total + value, 0);
}

/** Statuses of `rounds` requests on each of so many connections that stay open. */
async function load(port: number, agent: http.Agent): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  const one = async (): Promise<void> => {
    for (let round = 0; round < ROUNDS; round++) {
      const status = await new Promise<number>((resolve, reject) => {
        const request = http.request({ port, agent, method: "POST", path: "/" }, (response) => {
          response.resume();
          response.on("end", () => resolve(response.statusCode ?? 0));
        });
        request.on("error", reject);
        request.end("x".repeat(100));
      });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  return statuses;
}

describe.each(["1", "2", "3"])("outrigger proxy --concurrency %s", (workers) => {
  it("counts what its clients sent and got", async () => {
    const { port, admin } = await startProgram(workers);
    const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    started.push(() => agent.destroy());
    const statuses = await load(port, agent);
    const total = CONNECTIONS * ROUNDS;
    let families = await scrape(admin);
    // The last request is accounted a moment after its client has its answer.
    while (sum(families, "envoy_http_downstream_rq_time") < total) families = await scrape(admin);
    const rows = "envoy_cluster_upstream_rq";
    expect(sum(families, rows, 'code="200"')).toBe(statuses.get(200));
    expect(sum(families, rows, 'code="503"')).toBe(statuses.get(503));
    expect(sum(families, "envoy_http_downstream_rq_xx")).toBe(total);
    for (const name of [
      "envoy_cluster_upstream_rq_total",
      "envoy_http_downstream_rq_total",
      "envoy_http_downstream_rq_time",
    ]) {
      expect([name, sum(families, name)]).toEqual([name, total]);
    }
    expect(sum(families, "envoy_http_downstream_cx_total")).toBe(CONNECTIONS);
    expect(sum(families, "envoy_http_downstream_cx_active")).toBe(CONNECTIONS);
    expect(sum(families, "envoy_http_downstream_rq_active")).toBe(0);
    const { body } = await ask(socketAddress("127.0.0.1", admin), "/clusters?format=json");
    const [{ host_statuses = [] } = {}] = JSON.parse(body).cluster_statuses;
    const active = host_statuses[0]?.stats.find(({ name }: { name: string }) => {
      return name === "cx_active";
    });
    expect(Number(active?.value)).toBe(sum(families, "envoy_cluster_upstream_cx_active"));
  });
});

it("refuses a number of workers that is none", async () => {
  const { status, stderr } = await outrigger(["proxy", "-c", "-", "--concurrency", "many"], "{}");
  expect(stderr).toContain("--concurrency many: not a number of workers from 1 to 128, or 0");
  expect(status).toBe(2);
});

describeWith(["curl", "ip", "iptables", "root"], "outrigger up with two workers a sidecar", () => {
  it.each(["intercept", "explicit"])("serves a client in %s mode", async (mode) => {
    const folder = folderOf({ "reviews.yaml": serviceYaml("reviews", ["v1"]) });
    started.push(() => rmSync(folder, { recursive: true, force: true }));
    const script = `for i in 1 2 3 4 5 6 7 8 9 10; do curl -sS http://reviews:9080/; echo; done`;
    const args = ["up", "--mode", mode, "--concurrency", "2", folder, "--", "sh", "-c", script];
    const { status, stdout, stderr } = await outrigger(args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining("ready") });
    const answers = stdout.trim().split(/\n+/);
    expect(answers.map((line) => (JSON.parse(line) as { service: string }).service)).toEqual(
      answers.map(() => "reviews"),
    );
    expect(answers.length).toBe(10);
  });
});
