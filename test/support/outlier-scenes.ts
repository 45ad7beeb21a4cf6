/** Scenes of outlier detection: what a bad host does, and what is said about it. */

import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import type { ProxyUnderTest } from "./differential.ts";
import { eventually, freePort } from "./envoy-process.ts";

/** What a bad host does with a request: a status, with a gRPC status, or no answer at all. */
export type Mood = number | `grpc-${number}` | "close" | "silent" | "half";

export interface OutlierScene {
  readonly name: string;
  /** Envoy's fields of OutlierDetection. */
  readonly detection: Readonly<Record<string, unknown>>;
  /** What is behind it; `refused`: a port on which nobody listens. Left out: one bad, two good. */
  readonly hosts?: readonly HostName[];
  /** Left out: 500. */
  readonly mood?: Mood;
  /** Envoy's fields of the cluster. */
  readonly cluster?: Readonly<Record<string, object>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** How many come before it is looked; left out: 12. */
  readonly requests?: number;
  /** What is then waited for, of `outlier_detection.`; left out: one is out. */
  readonly settles?: Readonly<Record<string, number>>;
  /** How many come after that; left out: 12. */
  readonly later?: number;
  /** Hosts are good from then on. */
  readonly heals?: boolean;
}

const HOSTS = ["bad", "worse", "good", "better", "best", "fair"] as const;

/** Programs that start meanwhile may get the free port, but not at this address. */
function addressOf(host: HostName): string {
  return host === "refused" ? "127.0.0.86" : "127.0.0.1";
}

export type HostName = (typeof HOSTS)[number] | "refused";

/** The hosts of all scenes. Bad and worse are as the scene wants them, the others always good. */
export class OutlierHosts {
  mood: Mood = 200;
  readonly #servers = new Map<string, http.Server>();
  readonly #refused: number;
  #asked: string[] = [];

  private constructor(refused: number) {
    this.#refused = refused;
  }

  static async start(): Promise<OutlierHosts> {
    const hosts = new OutlierHosts(await freePort());
    for (const name of HOSTS) {
      const server = http.createServer({ keepAliveTimeout: 60_000 });
      server.on("request", (request, response) => hosts.#answer(name, request, response));
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      hosts.#servers.set(name, server);
    }
    return hosts;
  }

  stop(): void {
    for (const server of this.#servers.values()) {
      server.close();
      server.closeAllConnections();
    }
  }

  port(name: HostName): number {
    if (name === "refused") return this.#refused;
    const address = this.#servers.get(name)?.address();
    if (typeof address !== "object" || address === null) throw new Error(`no host ${name}`);
    return address.port;
  }

  /** Who was asked since the last time, each once, in order of names. */
  take(): string[] {
    const asked = [...new Set(this.#asked)].toSorted();
    this.#asked = [];
    return asked;
  }

  /** Names instead of ports. */
  named(text: string): string {
    const names = [...HOSTS, "refused" as const];
    return names.reduce(
      (so, name) => so.replaceAll(`${addressOf(name)}:${this.port(name)}`, name),
      text,
    );
  }

  /** As Envoy's YAML has it. */
  cluster({ name, hosts = ["bad", "good", "better"], detection, cluster }: OutlierScene): string {
    const lb_endpoints = hosts.map((host) => ({
      endpoint: {
        address: { socket_address: { address: addressOf(host), port_value: this.port(host) } },
      },
    }));
    const load_assignment = { cluster_name: name, endpoints: [{ lb_endpoints }] };
    const outlier_detection = { base_ejection_time: "300s", ...detection };
    // A change of health is no later than any other.
    const common_lb_config = { update_merge_window: "0s", ...cluster?.common_lb_config };
    const all = { ...cluster, outlier_detection, load_assignment, common_lb_config };
    return JSON.stringify({ name, type: "STATIC", ...all });
  }

  #answer(name: string, request: http.IncomingMessage, response: http.ServerResponse): void {
    this.#asked.push(name);
    request.resume();
    const mood = name === "bad" || name === "worse" ? this.mood : 200;
    if (mood === "silent") return;
    if (mood === "close") {
      request.socket.destroy();
    } else if (mood === "half") {
      response.writeHead(200, { "content-length": 100 });
      response.write("half", () => request.socket.destroy());
    } else if (typeof mood === "number") {
      response.writeHead(mood).end(name);
    } else {
      const status = { "content-type": "application/grpc", "grpc-status": mood.slice(5) };
      response.writeHead(200, status).end();
    }
  }
}

/** What came of a scene. */
export interface OutlierOutcome {
  /**
   * Statuses, each once and in order; `-`: no whole answer. How many came before is no matter:
   * other threads decide.
   */
  readonly before: readonly string[];
  /** Of each request that came once it had settled, in order of statuses. */
  readonly after: readonly string[];
  /** Who was asked once it had settled. */
  readonly asked: readonly string[];
  readonly stats: Readonly<Record<string, number>>;
  /** Lines of `/clusters` about health. */
  readonly shown: readonly string[];
  /** What it says of health in JSON. */
  readonly health: readonly unknown[];
}

const REQUESTS = 12;

/** Plays a scene through one proxy, one request after the other. */
export async function play(
  scene: OutlierScene,
  proxy: ProxyUnderTest,
  hosts: OutlierHosts,
): Promise<OutlierOutcome> {
  hosts.mood = scene.mood ?? 500;
  const send = (times: number) => sendAll(proxy.port, scene, times);
  return await outcomeOf(scene, proxy, hosts, send);
}

/** The same with connections of which each sends a request; cluster `tcp` has the listener. */
export async function playTcp(
  scene: OutlierScene,
  proxy: ProxyUnderTest,
  port: number,
  hosts: OutlierHosts,
): Promise<OutlierOutcome> {
  hosts.mood = scene.mood ?? 500;
  return await outcomeOf(scene, proxy, hosts, (times) => connectAll(port, times));
}

async function outcomeOf(
  scene: OutlierScene,
  proxy: ProxyUnderTest,
  hosts: OutlierHosts,
  send: (times: number) => Promise<string[]>,
): Promise<OutlierOutcome> {
  const { name, requests = REQUESTS, settles = { ejections_active: 1 } } = scene;
  const prefix = `cluster.${name}.`;
  const pattern = new RegExp(
    `^cluster\\.${name}\\.(outlier_|membership_(healthy|total|degr|excl)|lb_hea)`,
  );
  const before = [...new Set(await send(requests))];
  await eventually(`${name} settles`, async () => {
    const stats = await proxy.stats(pattern);
    return Object.entries(settles).every(
      ([stat, value]) => stats[`${prefix}outlier_detection.${stat}`] === value,
    );
  });
  hosts.take();
  if (scene.heals === true) hosts.mood = 200;
  const after = await send(scene.later ?? REQUESTS);
  const asked = hosts.take();
  const stats = await proxy.stats(pattern);
  const shown = hosts.named(await proxy.page("/clusters")).split("\n");
  const told = new RegExp(`^${name}::.*(health_flags|outlier)`);
  const health = healthOf(name, hosts.named(await proxy.page("/clusters?format=json")));
  const lines = shown.filter((line) => told.test(line)).toSorted();
  return { before, after, asked, stats, shown: lines, health };
}

interface ClusterStatus {
  readonly name: string;
  readonly host_statuses: readonly { readonly health_status: unknown }[];
}

function healthOf(cluster: string, json: string): unknown[] {
  const { cluster_statuses: all } = JSON.parse(json) as {
    readonly cluster_statuses: readonly ClusterStatus[];
  };
  const found = all.find(({ name }) => name === cluster)?.host_statuses ?? [];
  return found.map(({ health_status }) => health_status);
}

async function sendAll(port: number, scene: OutlierScene, times: number): Promise<string[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const statuses: string[] = [];
  for (let i = 0; i < times; i++) statuses.push(await statusOf(port, agent, scene));
  agent.destroy();
  return statuses.toSorted();
}

function statusOf(port: number, agent: http.Agent, { name, headers }: OutlierScene) {
  const options = { host: "127.0.0.1", port, agent, path: `/${name}` };
  return new Promise<string>((resolve) => {
    const request = http.get({ ...options, headers: { ...headers } }, (response) => {
      response.resume();
      response.on("end", () => resolve(String(response.statusCode)));
      response.on("error", () => resolve("-"));
    });
    request.on("error", () => resolve("-"));
  });
}

async function connectAll(port: number, times: number): Promise<string[]> {
  const got: string[] = [];
  for (let i = 0; i < times; i++) got.push(await bytesOf(port));
  return got.toSorted();
}

function bytesOf(port: number): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  let bytes = "";
  socket.on("connect", () =>
    socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
  );
  socket.on("data", (data) => {
    bytes += data.toString("latin1");
  });
  return new Promise((resolve) => {
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(bytes.slice(0, 12)));
  });
}
