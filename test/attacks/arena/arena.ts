import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SocketAddress, socketAddress } from "../../../src/model/address.ts";
import { ask } from "../../support/ask.ts";
import {
  eventually,
  freePort,
  type RunningProgram,
  startOutrigger,
} from "../../support/envoy-process.ts";
import { Attacker, type Spent } from "../wire/attacker.ts";
import { get } from "../wire/frames.ts";
import { HostileUpstream } from "../wire/hostile-upstream.ts";
import type { GoodRequests } from "./good-clients.ts";
import { GoodThread } from "./good-thread.ts";
import { LedgerOrigin } from "./origin.ts";
import { costOf } from "./process-cost.ts";
import { LISTENERS, type ListenerName, type Ports, proxyConfig } from "./proxy-config.ts";

const WARM_UP = 1000;
const BASELINE = 2000;
const CONNECTIONS = 100;
const SAMPLE_MS = 20;
/** What must be as before when an attack is over. */
const GAUGES =
  /^(?:http\.(?:plain|short|secure|edge)|cluster\.(?:origin|hostile))\.\S*_(?:active|rq)$/;
const LEFT = /(?:downstream_cx|downstream_rq|upstream_rq|upstream_rq_pending)_active$/;

/** What a plain request costs the proxy. */
export interface Baseline {
  readonly cpuMsPerConnection: number;
  readonly cpuMsPerByte: number;
  readonly cpuMsPerRequest: number;
}

/** What an attack has cost, and what came of it. */
export interface Toll {
  readonly verdict: string;
  readonly spent: Spent;
  /** Of the proxy, without what the good clients' requests cost. */
  readonly cpuMs: number;
  /** What so many bytes and connections of plain requests cost. */
  readonly plainMs: number;
  /** The highest that was seen over what there was before, in bytes. */
  readonly rssGrowth: number;
  /** `POST /path` of each request that reached the origin whole, but those for `/neighbour`. */
  readonly forwarded: readonly string[];
  /** Of each of which it saw a part alone. */
  readonly begun: readonly string[];
  readonly good: GoodRequests;
  /** Gauges that are not back at 0, as `name: value`. */
  readonly left: readonly string[];
}

/** A proxy as a process, a ledger behind it, good clients before it, and room for attackers. */
export class Arena {
  readonly ports: Ports;
  readonly origin: LedgerOrigin;
  readonly hostile: HostileUpstream;
  readonly program: RunningProgram;
  readonly good: GoodThread;
  readonly baseline: Baseline;
  /** The good clients while nobody attacks. */
  readonly quiet: GoodRequests;
  readonly #folder: string;

  private constructor(
    parts: Pick<Arena, "ports" | "origin" | "hostile" | "program" | "good" | "baseline" | "quiet">,
    folder: string,
  ) {
    this.ports = parts.ports;
    this.origin = parts.origin;
    this.hostile = parts.hostile;
    this.program = parts.program;
    this.good = parts.good;
    this.baseline = parts.baseline;
    this.quiet = parts.quiet;
    this.#folder = folder;
  }

  static async open(): Promise<Arena> {
    const folder = mkdtempSync(join(tmpdir(), "outrigger-attacks-"));
    const [origin, hostile] = [await LedgerOrigin.listen(), await HostileUpstream.listen()];
    const good = await GoodThread.open();
    const ports = await choosePorts(origin.port, hostile.port, good.port);
    const program = startOutrigger(await proxyConfig(ports, join(folder, "access.log")));
    const admin = socketAddress("127.0.0.1", ports.admin);
    await eventually("the proxy is ready", () => isReady(admin)).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${program.log()}`);
    });
    const baseline = await measureBaseline(program.pid, ports.listeners.plain);
    await good.start(ports.listeners.good);
    for (let round = 0; round < 20; round++) await good.anotherRound();
    const quiet = await good.take();
    const parts = { ports, origin, hostile, program, good, baseline, quiet };
    return new Arena(parts, folder);
  }

  get admin(): SocketAddress {
    return socketAddress("127.0.0.1", this.ports.admin);
  }

  /** All lines so far. */
  accessLog(): string[] {
    return readFileSync(join(this.#folder, "access.log"), "latin1").split("\n").slice(0, -1);
  }

  /** A counter or gauge; 0 where it is not there. */
  async stat(name: string): Promise<number> {
    return (await this.#stats()).get(name) ?? 0;
  }

  /** Waits until this gauge of an HTTP connection manager has this value. */
  async until(gauge: string, listener: ListenerName, value: number): Promise<void> {
    const name = `http.${listener}.${gauge}`;
    await eventually(`${name} is ${value}`, async () => (await this.stat(name)) === value);
  }

  /** Lets it be attacked; `attack` returns its verdict. */
  async endure(attack: (arena: Arena, spent: Spent) => Promise<string>): Promise<Toll> {
    this.origin.take();
    await this.good.take();
    const spent: Spent = { bytes: 0, connections: 0 };
    const before = costOf(this.program.pid);
    let peak = before.rssBytes;
    const sampling = setInterval(() => {
      peak = Math.max(peak, costOf(this.program.pid).rssBytes);
    }, SAMPLE_MS);
    let verdict: string;
    try {
      verdict = await attack(this, spent);
    } finally {
      clearInterval(sampling);
    }
    this.origin.release();
    await this.good.anotherRound();
    const after = costOf(this.program.pid);
    const good = await this.good.take();
    const left = await this.#settled();
    const seen = this.origin.take().filter(({ line }) => line !== "GET /neighbour");
    const cpuMs = after.cpuMs - before.cpuMs - good.sent * this.baseline.cpuMsPerRequest;
    return {
      verdict,
      spent,
      cpuMs,
      plainMs: plainCost(spent, this.baseline),
      rssGrowth: Math.max(peak, after.rssBytes) - before.rssBytes,
      forwarded: seen.filter(({ whole }) => whole).map(({ line }) => line),
      begun: seen.filter(({ whole }) => !whole).map(({ line }) => line),
      good,
      left,
    };
  }

  async close(): Promise<void> {
    await this.good.stop();
    this.origin.release();
    await this.program.stop();
    this.origin.stop();
    this.hostile.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Gauges that do not come back, whatever time they have. */
  async #settled(): Promise<string[]> {
    let left: string[] = [];
    const isEmpty = async (): Promise<boolean> => {
      const stats = [...(await this.#stats())];
      left = stats.flatMap(([name, value]) =>
        GAUGES.test(name) && LEFT.test(name) && value !== 0 ? [`${name}: ${value}`] : [],
      );
      return left.length === 0;
    };
    await eventually("gauges are back", isEmpty).catch(() => undefined);
    return left;
  }

  async #stats(): Promise<Map<string, number>> {
    const { body } = await ask(this.admin, "/stats");
    const lines = [...body.matchAll(/^(\S+): (\d+)$/gm)];
    return new Map(lines.map(([, name = "", value]) => [name, Number(value)]));
  }
}

async function choosePorts(origin: number, hostile: number, good: number): Promise<Ports> {
  const listeners: Partial<Record<ListenerName, number>> = {};
  for (const name of LISTENERS) listeners[name] = await freePort();
  const admin = await freePort();
  return { listeners: listeners as Ports["listeners"], admin, origin, hostile, good };
}

async function isReady(admin: SocketAddress): Promise<boolean> {
  try {
    return (await ask(admin, "/ready")).status === 200;
  } catch {
    return false;
  }
}

/** Plain requests on one connection of HTTP/2, by the same client that attacks. */
async function measureBaseline(pid: number, port: number): Promise<Baseline> {
  await requests(port, WARM_UP);
  const before = costOf(pid);
  const { bytes } = await requests(port, BASELINE);
  const cpuMs = costOf(pid).cpuMs - before.cpuMs;
  const connected = costOf(pid).cpuMs;
  for (let i = 0; i < CONNECTIONS; i++) await requests(port, 1);
  const cpuMsPerConnection = (costOf(pid).cpuMs - connected) / CONNECTIONS;
  return { cpuMsPerByte: cpuMs / bytes, cpuMsPerRequest: cpuMs / BASELINE, cpuMsPerConnection };
}

function plainCost({ bytes, connections }: Spent, baseline: Baseline): number {
  return bytes * baseline.cpuMsPerByte + connections * baseline.cpuMsPerConnection;
}

async function requests(port: number, count: number): Promise<Spent> {
  const spent: Spent = { bytes: 0, connections: 0 };
  const client = await Attacker.openHttp2(port, spent, [[4, 1 << 20]]);
  const batch = Math.min(count, 20);
  for (let sent = 0; sent < count; sent += batch) {
    const turn = Array.from({ length: batch }, (_, i) => get(2 * (sent + i) + 1, "/good"));
    await client.send(...turn);
    if (!(await client.sees(/^END /, sent + batch))) throw new Error("plain requests fail");
  }
  await client.leave();
  return spent;
}
