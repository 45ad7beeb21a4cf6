/** A proxy that is told to end, as a program: what is under way finishes. */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/envoy-process.ts";
import { type GracefulOptions, GracefulScene } from "../support/graceful-scene.ts";
import { type Load, startLoad } from "../support/ledger/load.ts";
import type { Protocol } from "../support/ledger/request.ts";
import { expectNoneFailed, judge } from "../support/ledger/verdict.ts";

const PROTOCOLS: readonly Protocol[] = ["http1", "http2", "grpc", "websocket", "tcp"];
const PATIENCE_MS = 60_000;
/** An origin that takes so long is still at it when the listeners have closed. */
const SLOW: GracefulOptions = {
  origin: { latency: { kind: "fixed", ms: 1500 } },
  args: ["--min-drain-time-s", "0", "--drain-time-s", "30"],
};

let scene: GracefulScene | undefined;

afterEach(async () => {
  await scene?.stop();
  scene = undefined;
});

async function started(options: GracefulOptions): Promise<GracefulScene> {
  scene = await GracefulScene.start(options);
  return scene;
}

/** The status with which the program ends. */
function exitOf({ run }: GracefulScene): Promise<unknown> {
  return once(run.child, "exit").then(([status]) => status);
}

function terminate({ run }: GracefulScene): void {
  run.child.kill("SIGTERM");
}

/** Ends when nobody is to send any more, as Kubernetes' endpoints do when readiness is off. */
async function withdrawn(of: GracefulScene, loads: readonly Load[]): Promise<void> {
  await eventually("readiness is off", async () => (await of.readiness()) === 503);
  const records = (await Promise.all(loads.map((load) => load.stop()))).flat();
  expectNoneFailed(judge(records, of.ledger));
}

describe.each(["1", "2"])("SIGTERM to a proxy of --concurrency %s", (concurrency) => {
  it(
    "fails no request of clients that leave while it accepts on",
    async () => {
      const args = ["--concurrency", concurrency, "--min-drain-time-s", "10"];
      const all = await started({ args });
      const ended = exitOf(all);
      const loads = PROTOCOLS.map((protocol) =>
        startLoad({
          protocol,
          port: all.port(protocol),
          ratePerSecond: 20,
          connections: 4,
          timeoutMs: 60_000,
        }),
      );
      await Promise.all(loads.map((load) => load.more(20)));
      terminate(all);
      // Clients hear of it late, and send on.
      await Promise.all(loads.map((load) => load.more(20)));
      await withdrawn(all, loads);
      expect(await ended).toBe(0);
    },
    PATIENCE_MS,
  );
});

describe("what is under way when nothing more is accepted", () => {
  it.each(PROTOCOLS)(
    "finishes: %s",
    async (protocol) => {
      const all = await started(SLOW);
      const ended = exitOf(all);
      const load = startLoad({ protocol, port: all.port(protocol), requests: 4, clients: 4 });
      await eventually("the origin has them", async () => all.ledger.executions === 4);
      terminate(all);
      await eventually("nothing more is accepted", async () => !(await all.accepts(protocol)));
      expectNoneFailed(judge(await load.done, all.ledger));
      expect(await ended).toBe(0);
    },
    PATIENCE_MS,
  );

  it("hears of the end: connection: close, and GOAWAY twice", async () => {
    const all = await started(SLOW);
    const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
      const agent = new http.Agent({ keepAlive: true });
      http.get({ port: all.port("http1"), host: "127.0.0.1", agent }, resolve).on("error", reject);
    });
    const session = http2.connect(`http://127.0.0.1:${all.port("http2")}`);
    const lastStreams: number[] = [];
    session.on("goaway", (_code, lastStream: number) => lastStreams.push(lastStream));
    const stream = session.request({ ":path": "/" });
    const head = once(stream, "response");
    await eventually("the proxy has both", async () => {
      const { body } = await ask(all.admin, "/stats?filter=downstream_rq_active$");
      return (
        /http1.downstream_rq_active: 1\n/.test(body) && /http2.downstream_rq_active: 1\n/.test(body)
      );
    });
    terminate(all);
    expect((await answered).headers.connection).toBe("close");
    (await answered).resume();
    await head;
    stream.resume();
    await once(session, "close");
    expect(lastStreams[0]).toBe(2 ** 31 - 1);
    expect(lastStreams.at(-1)).toBe(1);
  });

  it("is cut when the drain time is over, and the status is 0 all the same", async () => {
    const all = await started({ args: ["--min-drain-time-s", "0", "--drain-time-s", "1"] });
    const ended = exitOf(all);
    const socket = net.connect(all.port("tcp"), "127.0.0.1");
    await once(socket, "connect");
    await eventually("it is proxied", async () => all.origin.connections === 1);
    terminate(all);
    socket.resume();
    await once(socket, "close");
    expect(await ended).toBe(0);
  });

  it("is cut by a second signal, and the status says so", async () => {
    const all = await started(SLOW);
    const ended = exitOf(all);
    const load = startLoad({ protocol: "http1", port: all.port("http1"), requests: 1 });
    await eventually("the origin has it", async () => all.ledger.executions === 1);
    terminate(all);
    await eventually("nothing more is accepted", async () => !(await all.accepts("http1")));
    terminate(all);
    expect(await ended).toBe(1);
    expect((await load.done)[0]?.outcome.kind).toBe("reset");
  });
});

describe("the admin server", () => {
  const post = (of: GracefulScene, path: string) => ask(of.admin, path, { method: "POST" });

  async function connectionHeader(of: GracefulScene): Promise<string | undefined> {
    const agent = new http.Agent({ keepAlive: true });
    const request = http.get({ port: of.port("http1"), host: "127.0.0.1", agent });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.resume();
    await once(response, "end");
    agent.destroy();
    return response.headers.connection;
  }

  it("fails health checks, and clients hear of it, until they pass again", async () => {
    const all = await started({});
    await post(all, "/healthcheck/fail");
    expect(await ask(all.admin, "/ready")).toMatchObject({ status: 503, body: "DRAINING\n" });
    expect(await connectionHeader(all)).toBe("close");
    await post(all, "/healthcheck/ok");
    expect(await ask(all.admin, "/ready")).toMatchObject({ status: 200, body: "LIVE\n" });
    expect(await connectionHeader(all)).not.toBe("close");
  });

  it("drains listeners gracefully: clients hear of it before the listeners close", async () => {
    const all = await started({ args: ["--drain-time-s", "2"] });
    await post(all, "/drain_listeners?graceful");
    expect(await connectionHeader(all)).toBe("close");
    await eventually("nothing more is accepted", async () => !(await all.accepts("http1")));
    expect(await all.readiness()).toBe(200);
  });

  it("ends the program as SIGTERM does", async () => {
    const all = await started({ args: ["--min-drain-time-s", "0"] });
    const ended = exitOf(all);
    await post(all, "/quitquitquit");
    expect(await ended).toBe(0);
  });
});
