import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { VirtualClock } from "../../src/base/clock.ts";
import { running } from "./one-hop.ts";
import { connectPeer, type Peer } from "./peer.ts";
import { httpListener, type ProxySetup, startSetup, staticCluster } from "./proxy-setup.ts";

/** An origin whose mind a test changes, and that counts. */
export class MoodyServer {
  readonly port: number;
  /** Requests so far, as `GET /path`. */
  readonly seen: string[] = [];
  answer: RequestListener = (_, response) => response.end("good");

  private constructor(port: number) {
    this.port = port;
  }

  static async listen(): Promise<MoodyServer> {
    let origin: MoodyServer | undefined;
    const server = createServer((request, response) => {
      origin?.seen.push(`${request.method} ${request.url}`);
      origin?.answer(request, response);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    running.push({
      stop: () => {
        server.closeAllConnections();
        server.close();
      },
    });
    origin = new MoodyServer((server.address() as AddressInfo).port);
    return origin;
  }

  /** From now on every answer has this status. */
  says(status: number, body = ""): void {
    const fields = status === 204 || status === 304 ? {} : { "content-length": body.length };
    this.answer = (_, response) => response.writeHead(status, fields).end(body);
  }
}

export interface Told {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A proxy before an origin, with a circuit between, in virtual time. */
export interface CircuitScene {
  readonly origin: MoodyServer;
  readonly clock: VirtualClock;
  readonly setup: ProxySetup;
  /** Asks once, on a connection of its own. */
  asks(head?: string, more?: string): Promise<Told>;
  client(): Promise<Peer>;
  /** Asks so many times; the statuses. */
  asksTimes(count: number, head?: string): Promise<number[]>;
  metric(name: string, labels?: readonly string[]): number;
}

export interface CircuitSceneOptions {
  /** Beside the name: `outrigger.circuit` of the cluster. */
  readonly circuit?: Record<string, unknown>;
  readonly hcm?: Record<string, unknown>;
  /** Routes that are tried before the one to all. */
  readonly before?: readonly unknown[];
  /** Of that one. */
  readonly route?: Record<string, unknown>;
  readonly cluster?: Record<string, unknown>;
  /** Beside the origin's. */
  readonly clusters?: readonly unknown[];
  /** The circuit stands at the route instead. */
  readonly atRoute?: boolean;
}

export const CIRCUIT_NAME = "default/ratings";
export const GET = "GET / HTTP/1.1\r\nHost: ratings";
/** Opens with the second failure in a row. */
export const QUICK = { open: { kind: "consecutiveErrors", errors: 2 } };

/** As Envoy's `metadata`. */
export function circuitMetadata(circuit: Record<string, unknown>): Record<string, unknown> {
  return {
    metadata: { filter_metadata: { "outrigger.circuit": { name: CIRCUIT_NAME, ...circuit } } },
  };
}

export async function circuitScene(options: CircuitSceneOptions = {}): Promise<CircuitScene> {
  const { atRoute = false, circuit = QUICK, clusters = [], hcm = {} } = options;
  const origin = await MoodyServer.listen();
  const clock = new VirtualClock();
  clock.advance(1000);
  const metadata = circuitMetadata(circuit);
  const route = {
    match: { prefix: "/" },
    name: "one",
    route: { cluster: "origin", timeout: "0s", ...options.route },
    ...(atRoute ? metadata : {}),
  };
  const own = { ...(atRoute ? {} : metadata), ...options.cluster };
  const setup = await startSetup(
    [httpListener({ hcm, routes: [...(options.before ?? []), route] })],
    [staticCluster("origin", [origin.port], own), ...clusters],
    clock,
  );
  running.unshift(setup);
  const asks = async (head = GET, more = ""): Promise<Told> => {
    const client = await connectPeer(setup.port());
    client.sends(`${head}\r\n\r\n${more}`);
    const told = await meanwhile(receivesTold(client, head.startsWith("HEAD")), clock);
    client.closes();
    return told;
  };
  return {
    origin,
    clock,
    setup,
    asks,
    client: () => setup.client(),
    asksTimes: async (count, head) => {
      const statuses: number[] = [];
      for (let i = 0; i < count; i++) statuses.push((await asks(head)).status);
      return statuses;
    },
    metric: (name, labels = []) => metricOf(setup, name, labels),
  };
}

/** Lets what is due at once happen until this has. */
export async function meanwhile<T>(what: Promise<T>, clock: VirtualClock): Promise<T> {
  let over = false;
  const ended = what.finally(() => {
    over = true;
  });
  while (!over) {
    clock.advance(0);
    await new Promise((later) => setImmediate(later));
  }
  return await ended;
}

/** A response of any framing. */
async function receivesTold(client: Peer, bodiless: boolean): Promise<Told> {
  const head = await client.receives("\r\n\r\n");
  const status = Number(head.slice(9, 12));
  if (bodiless) return { status, head, body: "" };
  if (!/transfer-encoding: chunked/i.test(head)) {
    const length = /content-length: (\d+)/i.exec(head)?.[1] ?? "0";
    return { status, head, body: await client.receivesBytes(Number(length)) };
  }
  let body = "";
  for (;;) {
    const size = Number.parseInt(await client.receives("\r\n"), 16);
    body += (await client.receivesBytes(size + 2)).slice(0, size);
    if (size === 0) return { status, head, body };
  }
}

/** The sum over the rows that have these label values. */
function metricOf({ proxy }: ProxySetup, name: string, labels: readonly string[]): number {
  let sum = 0;
  for (const table of proxy.telemetry.registry.collect()) {
    const column = table.columns.findIndex((each) => each.name === name);
    if (column < 0) continue;
    for (const row of table.snapshot()) {
      if (!labels.every((label) => row.values.includes(label))) continue;
      sum += table.value(row, table.offsets[column] ?? 0);
    }
  }
  return sum;
}
