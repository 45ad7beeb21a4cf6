/** One proxy before origins that hold requests: what is in flight, who is refused, what counts. */
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { ProxyUnderTest } from "./differential.ts";
import { eventually, freePort } from "./envoy-process.ts";
import { HoldingOrigin } from "./holding-origin.ts";

/** What a client got. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Of what a client gets, that which a limit decides. */
const TOLD = [
  "content-type",
  "grpc-message",
  "grpc-status",
  "x-envoy-overloaded",
  "x-told",
] as const;

export class LimitsScene {
  readonly origin: HoldingOrigin;
  readonly other: HoldingOrigin;
  readonly proxy: ProxyUnderTest;
  readonly #ports: Readonly<Record<"TCP" | "TCP_NONE", number>>;
  readonly #sockets: net.Socket[] = [];

  private constructor(
    origins: readonly [HoldingOrigin, HoldingOrigin],
    proxy: ProxyUnderTest,
    ports: Readonly<Record<"TCP" | "TCP_NONE", number>>,
  ) {
    [this.origin, this.other] = origins;
    this.proxy = proxy;
    this.#ports = ports;
  }

  static async start(
    kind: "envoy" | "outrigger",
    yaml: string,
    workers: number,
  ): Promise<LimitsScene> {
    const origin = await HoldingOrigin.listen();
    const other = await HoldingOrigin.listen();
    const listening = { TCP: await freePort(), TCP_NONE: await freePort() };
    const ports = {
      HTTP_ONE: origin.port("http1"),
      HTTP_OTHER: other.port("http1"),
      HTTP_TWO: origin.port("http2"),
      RAW: origin.port("tcp"),
      ...listening,
    };
    const proxy = await ProxyUnderTest.start(kind, yaml, ports, workers);
    return new LimitsScene([origin, other], proxy, listening);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.origin.stop();
    this.other.stop();
    await this.proxy.stop();
  }

  /** Each on a connection of its own. */
  ask(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
    const request = http.get({ port: this.proxy.port, path, headers, agent: false });
    return new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (response) => {
        let body = "";
        response.setEncoding("latin1");
        response.on("data", (text: string) => {
          body += text;
        });
        response.on("end", () => {
          const told = TOLD.map((name) => [name, response.headers[name]]);
          resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(told), body });
        });
      });
    });
  }

  /** Waits until the origins have so many requests of this path. */
  async held(path: string, count: number): Promise<void> {
    await eventually(`${count} requests of ${path}`, () =>
      Promise.resolve(this.origin.holds(path) + this.other.holds(path) === count),
    );
  }

  release(): void {
    this.origin.release();
    this.other.release();
  }

  /** Waits until a statistic of a cluster is this. */
  async until(cluster: string, stat: string, value: number): Promise<void> {
    const name = `cluster.${cluster}.${stat}`;
    await eventually(`${name} is ${value}`, async () => {
      const { [name]: found } = await this.proxy.stats(/^cluster\./);
      return found === value;
    });
  }

  /** What limits have made of a cluster so far, by its statistics. */
  async stats(cluster: string): Promise<Record<string, number>> {
    const all = await this.proxy.stats(new RegExp(`^cluster\\.${cluster}\\.(${LIMITS})$`));
    return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  async connect(listener: "TCP" | "TCP_NONE"): Promise<net.Socket> {
    const socket = net.connect(this.#ports[listener], "127.0.0.1");
    socket.on("error", () => undefined);
    this.#sockets.push(socket);
    await once(socket, "connect");
    return socket;
  }
}

const LIMITS = [
  "circuit_breakers\\.default\\.(cx|rq|rq_pending|rq_retry)_open",
  "circuit_breakers\\.default\\.remaining_(cx|pending|rq|retries)",
  "upstream_cx_(active|overflow|total)",
  "upstream_rq_(active|pending_active|pending_overflow|active_overflow|pending_total|total)",
  "upstream_rq_(retry|retry_overflow|retry_success|retry_limit_exceeded|503|200|5xx|completed)",
].join("|");
