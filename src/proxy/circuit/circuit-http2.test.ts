import type { ServerHttp2Stream } from "node:http2";
import { describe, expect, it } from "vitest";
import {
  CIRCUIT_NAME,
  circuitMetadata,
  meanwhile,
  QUICK,
} from "../../../test/support/circuit-scene.ts";
import { Http2Client } from "../../../test/support/http2-client.ts";
import { answers, Http2Origin } from "../../../test/support/http2-origin.ts";
import { running } from "../../../test/support/one-hop.ts";
import {
  httpListener,
  OVER_HTTP2,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";

const GRPC = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };
const STATIC = { kind: "static", status: 200, headers: [], body: "static" };

async function scene(circuit: Record<string, unknown> = QUICK, timeout = "15s") {
  const origin = await Http2Origin.listen();
  const other = await Http2Origin.listen();
  const clock = new VirtualClock();
  const setup = await startSetup(
    [
      httpListener({
        hcm: {
          upgrade_configs: [{ upgrade_type: "websocket" }],
          http2_protocol_options: { allow_connect: true },
        },
        routes: [{ match: { prefix: "/" }, route: { cluster: "origin", timeout } }],
      }),
    ],
    [
      staticCluster("origin", [origin.port], { ...OVER_HTTP2, ...circuitMetadata(circuit) }),
      staticCluster("other", [other.port], OVER_HTTP2),
    ],
    clock,
  );
  const client = await Http2Client.connect(setup.port());
  running.unshift({ stop: () => client.closes() }, setup);
  return { client, clock, origin, other, setup };
}

/** A gRPC answer with this status behind its message. */
function ends(stream: ServerHttp2Stream, status: number): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": String(status) }));
  stream.end("message");
}

function fails(stream: ServerHttp2Stream, status = 500): void {
  stream.respond({ ":status": status });
  stream.end("bad");
}

describe("a circuit of gRPC calls", () => {
  it("goes by the status in trailers, and refuses in gRPC's words", async () => {
    const { client, origin } = await scene();
    for (const status of [14, 3, 14, 14]) {
      const call = client.opens("/a.B/C", GRPC, true);
      ends(await origin.takes(), status);
      await call.answer();
    }
    const { headers, status } = await client.opens("/a.B/C", GRPC, true).answer();
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "grpc-status": "14",
      "grpc-message": `circuit ${CIRCUIT_NAME} is open`,
    });
  });

  it("closes by a probe whose answer goes on and on", async () => {
    const { client, clock, origin } = await scene(QUICK, "0s");
    for (let i = 0; i < 2; i++) {
      const call = client.opens("/watch", GRPC);
      ends(await origin.takes(), 14);
      await call.answer();
    }
    clock.advance(5000);
    const probe = client.opens("/watch", GRPC);
    const stream = await origin.takes();
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.write("message");
    await probe.head();
    clock.advance(16_000);
    const next = client.opens("/watch", GRPC);
    ends(await origin.takes(), 0);
    expect((await next.answer()).body).toBe("message");
    stream.destroy();
  });

  it("goes by the status in a head without message, and falls back then", async () => {
    const { client, clock, origin, other } = await scene({
      ...QUICK,
      fallback: { kind: "cluster", cluster: "other" },
    });
    const call = client.opens("/a.B/C", GRPC, true);
    const stream = await origin.takes();
    stream.respond({ ":status": 200, "grpc-status": "14" }, { endStream: true });
    ends(await meanwhile(other.takes(), clock), 0);
    expect((await call.answer()).body).toBe("message");
  });
});

describe("a circuit over HTTP/2", () => {
  it("answers in the place of a stream that failed, and harms no other", async () => {
    const { client, origin } = await scene({ ...QUICK, fallback: STATIC });
    const slow = client.opens("/slow");
    const slowStream = await origin.takes();
    for (let i = 0; i < 5; i++) {
      const call = client.opens(`/${i}`);
      if (i < 2) fails(await origin.takes());
      const { body, headers } = await call.answer();
      expect([body, headers["x-outrigger-fallback"]]).toEqual(["static", "static"]);
    }
    answers(slowStream, "slow");
    expect((await slow.answer()).body).toBe("slow");
    expect(origin.connections).toBe(1);
  });

  it("sends a failed stream's request elsewhere, even to where it failed", async () => {
    const { client, clock, origin } = await scene({
      ...QUICK,
      fallback: { kind: "cluster", cluster: "origin" },
    });
    for (let i = 0; i < 4; i++) {
      const call = client.opens(`/${i}`);
      if (i < 2) fails(await origin.takes());
      answers(await meanwhile(origin.takes(), clock), `again ${i}`);
      expect((await call.answer()).body).toBe(`again ${i}`);
    }
    expect(origin.connections).toBe(1);
  });

  it("does not make a tunnel of a static answer", async () => {
    const { client, origin } = await scene({ ...QUICK, fallback: STATIC });
    for (let i = 0; i < 2; i++) {
      const call = client.opens(`/${i}`);
      fails(await origin.takes());
      await call.answer();
    }
    const headers = { ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http" };
    expect((await client.opens("/chat", headers, false).answer()).status).toBe(503);
  });

  it("answers at length, as slowly as the client reads", async () => {
    const body = "x".repeat(65_536);
    const { origin, setup } = await scene({ ...QUICK, fallback: { ...STATIC, body } });
    const client = await Http2Client.connect(setup.port(), { initialWindowSize: 100 });
    running.unshift({ stop: () => client.closes() });
    for (let i = 0; i < 3; i++) {
      const call = client.opens(`/${i}`);
      if (i < 2) fails(await origin.takes());
      expect((await call.answer()).body).toBe(body);
    }
    const left = client.opens("/left");
    await left.head();
    left.resets();
    expect((await client.opens("/next").answer()).body).toBe(body);
    expect(setup.proxy.dataPlane.circuits[0]?.concurrent).toBe(0);
  });

  it("takes its call back from a client that resets", async () => {
    const { client, origin, setup } = await scene({ ...QUICK, maxConcurrent: 1 });
    const first = client.opens("/1");
    await origin.takes();
    expect(setup.proxy.dataPlane.circuits[0]?.concurrent).toBe(1);
    first.resets();
    while (setup.proxy.dataPlane.circuits[0]?.concurrent !== 0) {
      await new Promise((later) => setImmediate(later));
    }
    const second = client.opens("/2");
    answers(await origin.takes());
    expect((await second.answer()).body).toBe("ok");
  });
});
