/** The overload manager's actions beside Envoy's, over a pressure that the test writes. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { type SocketAddress, socketAddress } from "../../src/model/address.ts";
import { ask } from "../support/ask.ts";
import {
  eventually,
  freePort,
  type RunningProgram,
  startEnvoy,
  startOutrigger,
} from "../support/envoy-process.ts";
import { httpListener } from "../support/proxy-setup.ts";
import { describeWith } from "../support/tools.ts";

const MONITORS = "type.googleapis.com/envoy.extensions.resource_monitors";
const INJECTED = "envoy.resource_monitors.injected_resource";
const CONNECTIONS = "envoy.resource_monitors.global_downstream_max_connections";
const CONNECTIONS_MAX = 4;

/** Each action has a stretch of pressure of its own: none hides another. */
const STRETCHES = {
  disable_http_keepalive: [0.1, 0.2],
  stop_accepting_requests: [0.3, 0.4],
  reject_incoming_connections: [0.5, 0.6],
  stop_accepting_connections: [0.7, 0.8],
} as const;

type Action = keyof typeof STRETCHES;

interface Proxy {
  readonly program: RunningProgram;
  readonly port: number;
  readonly admin: SocketAddress;
  readonly folder: string;
}

const stops: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function bootstrap(action: Action, port: number, admin: number, folder: string): string {
  const at = (port_value: number) => ({ socket_address: { address: "127.0.0.1", port_value } });
  const resource_monitors = [
    {
      name: INJECTED,
      typed_config: {
        "@type": `${MONITORS}.injected_resource.v3.InjectedResourceConfig`,
        filename: join(folder, "pressure"),
      },
    },
    {
      name: CONNECTIONS,
      typed_config: {
        "@type": `${MONITORS}.downstream_connections.v3.DownstreamConnectionsConfig`,
        max_active_downstream_connections: CONNECTIONS_MAX,
      },
    },
  ];
  const triggers = [{ name: INJECTED, threshold: { value: STRETCHES[action][0] } }];
  const direct = { match: { prefix: "/" }, direct_response: { status: 200 } };
  return JSON.stringify({
    admin: { address: at(admin) },
    overload_manager: {
      refresh_interval: "0.05s",
      resource_monitors,
      actions: [{ name: `envoy.overload_actions.${action}`, triggers }],
    },
    static_resources: {
      listeners: [{ ...(httpListener({ routes: [direct] }) as object), address: at(port) }],
    },
  });
}

async function start(kind: "envoy" | "outrigger", action: Action): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-overload-"));
  stops.push(() => rmSync(folder, { recursive: true, force: true }));
  const [port, adminPort] = [await freePort(), await freePort()];
  const admin = socketAddress("127.0.0.1", adminPort);
  writeFileSync(join(folder, "pressure"), "0.0");
  const text = bootstrap(action, port, adminPort, folder);
  const program = kind === "envoy" ? startEnvoy(text) : startOutrigger(text);
  stops.push(() => program.stop());
  await eventually(`${kind} is ready`, async () => {
    const reply = await ask(admin, "/ready").catch(() => undefined);
    return reply?.status === 200;
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${program.log()}`);
  });
  return { program, port, admin, folder };
}

async function stats(proxy: Proxy, pattern: RegExp): Promise<Record<string, number>> {
  const { body } = await ask(proxy.admin, "/stats");
  const address = `127.0.0.1_${proxy.port}`;
  const found: Record<string, number> = {};
  for (const line of body.split("\n")) {
    const [name = "", value = ""] = line.replace(address, "ADDRESS").split(": ");
    if (pattern.test(name)) found[name] = Number(value);
  }
  return found;
}

/** Writes the pressure, and waits until the proxy says that it has seen it. */
async function press(proxy: Proxy, pressure: number): Promise<void> {
  const next = join(proxy.folder, "next");
  writeFileSync(next, pressure.toFixed(2));
  renameSync(next, join(proxy.folder, "pressure"));
  const name = `overload.${INJECTED}.pressure`;
  await eventually(`${name} is ${pressure}`, async () => {
    return (await stats(proxy, /pressure$/))[name] === Math.floor(pressure * 100);
  });
}

/** What an HTTP/1.1 request on a connection of its own comes to. */
async function overHttp1({ port }: Proxy): Promise<string> {
  return await new Promise((resolve) => {
    const agent = new http.Agent({ keepAlive: true });
    const request = http.get({ port, host: "127.0.0.1", agent }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on("end", () => {
        agent.destroy();
        resolve(`${response.statusCode} ${response.headers.connection} ${body}`);
      });
    });
    request.on("error", () => resolve("closed"));
  });
}

/** The same over HTTP/2, and whether the connection is to end. */
async function overHttp2({ port }: Proxy): Promise<string> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  return await new Promise<string>((resolve) => {
    let goaway = "stays";
    let status = "closed";
    let body = "";
    session.on("goaway", () => {
      goaway = "goes";
    });
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => undefined);
    stream.on("response", (headers) => {
      status = String(headers[":status"]);
    });
    stream.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    stream.on("close", () => {
      // A GOAWAY stands behind the answer: whoever pings hears of it before the pong.
      const tell = (): void => resolve(`${status} ${goaway} ${body}`);
      if (session.destroyed || session.closed) tell();
      else session.ping(tell);
    });
  }).finally(() => session.destroy());
}

/** A client may have its answer a moment before it is counted. */
async function counted(proxy: Proxy, answers: number): Promise<void> {
  await eventually("all answers are counted", async () => {
    const classes = Object.values(await stats(proxy, /^http\.in\.downstream_rq_\dxx$/));
    return classes.reduce((sum, count) => sum + count, 0) === answers;
  });
}

const WATCHED = new RegExp(
  [
    "^overload\\.envoy\\.(?!.*skipped)",
    "overload_close$",
    "overload_disable",
    "overload_reject$",
    "drain_close$",
    "\\.in\\.downstream_rq_\\dxx$",
    "global_cx_overflow$",
  ].join("|"),
);

function ofTraffic(found: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(found).filter(([name]) => !/admin/.test(name)));
}

describeWith(["envoy"], "Envoy and Outrigger under pressure", () => {
  it.each([
    "disable_http_keepalive",
    "stop_accepting_requests",
    "reject_incoming_connections",
  ] as const)("do the same about %s, in answers and in statistics", async (action) => {
    const seen: unknown[] = [];
    for (const kind of ["envoy", "outrigger"] as const) {
      const proxy = await start(kind, action);
      const answers: string[] = [];
      for (const pressure of [0, STRETCHES[action][0] - 0.01, STRETCHES[action][1], 0]) {
        await press(proxy, pressure);
        answers.push(await overHttp1(proxy), await overHttp2(proxy));
      }
      await counted(proxy, answers.filter((answer) => !answer.startsWith("closed")).length);
      seen.push({ answers, stats: ofTraffic(await stats(proxy, WATCHED)) });
    }
    expect(seen[1]).toEqual(seen[0]);
  });

  it("leave clients waiting that come while nothing is accepted", async () => {
    for (const kind of ["envoy", "outrigger"] as const) {
      const proxy = await start(kind, "stop_accepting_connections");
      await press(proxy, 0.8);
      const answer = overHttp1(proxy);
      const first = await Promise.race([answer, stats(proxy, /pressure$/).then(() => "waits")]);
      expect(first).toBe("waits");
      await press(proxy, 0);
      expect(await answer).toBe("200 undefined ");
    }
  });

  it("close what comes over the number of connections, and count it", async () => {
    const seen: unknown[] = [];
    for (const kind of ["envoy", "outrigger"] as const) {
      const proxy = await start(kind, "stop_accepting_requests");
      const sockets = Array.from({ length: CONNECTIONS_MAX + 3 }, () =>
        net.connect(proxy.port, "127.0.0.1").on("error", () => undefined),
      );
      let closed = 0;
      for (const socket of sockets) {
        socket.resume();
        socket.on("close", () => closed++);
      }
      await eventually("three are closed", async () => closed === 3);
      const full = await stats(proxy, /ADDRESS.downstream_(global_cx_overflow|cx_active)$/);
      await eventually("the connections are seen", async () => {
        return (await stats(proxy, /pressure$/))[`overload.${CONNECTIONS}.pressure`] === 100;
      });
      for (const socket of sockets) socket.destroy();
      await eventually("there is room again", async () => (await overHttp1(proxy)).startsWith("2"));
      seen.push(full);
    }
    expect(seen[1]).toEqual(seen[0]);
  });
});
