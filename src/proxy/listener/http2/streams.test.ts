import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { Http2Client } from "../../../../test/support/http2-client.ts";
import { http2Scene } from "../../../../test/support/http2-scene.ts";
import type { Peer } from "../../../../test/support/peer.ts";
import type { ProxySetup } from "../../../../test/support/proxy-setup.ts";
import type { HttpStat } from "../../telemetry/envoy/http-tables.ts";

const NO_ERROR = 0;
const INTERNAL_ERROR = 2;
const MIB = 1024 * 1024;

function http(setup: ProxySetup, name: HttpStat): number {
  return setup.proxy.telemetry.http("in").value(name);
}

/** Takes a request's head and answers with `ok`. */
async function answers(upstream: Peer): Promise<void> {
  await upstream.receives("\r\n\r\n");
  upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
}

/** Reads so many letters `y`, among whatever else. */
function takesLetters(socket: Socket, wanted: number): Promise<void> {
  let seen = 0;
  return new Promise((resolve) => {
    socket.on("data", (text: string) => {
      for (let at = text.indexOf("y"); at >= 0; at = text.indexOf("y", at + 1)) seen++;
      if (seen === wanted) resolve();
    });
    socket.resume();
  });
}

describe("a reset", () => {
  it("by the client ends the attempt, and nothing else on its connection", async () => {
    const { client, origin, setup } = await http2Scene();
    const kept = client.gets("/kept");
    const keptUpstream = await origin.accepts();
    await keptUpstream.receives("GET /kept ");
    const call = client.opens("/given-up");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    call.resets();
    await upstream.sees("end");
    await answers(keptUpstream);
    expect((await kept).body).toBe("ok");
    expect(http(setup, "downstream_rq_rx_reset")).toBe(1);
    expect(setup.proxy.telemetry.http2.value("rx_reset")).toBe(1);
    expect(setup.proxy.telemetry.http2.value("streams_active")).toBe(0);
  });

  it("shows the client that its response was cut off, and the next one is whole", async () => {
    const { client, origin } = await http2Scene();
    const call = client.opens("/");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
    await call.reads().receives("abc");
    upstream.closes();
    expect(await call.ends()).toBe(INTERNAL_ERROR);
    const next = client.gets("/next");
    await answers(await origin.accepts());
    expect((await next).body).toBe("ok");
  });

  it("without error follows an answer that needs nothing of the request's rest", async () => {
    const direct = { status: 413, body: { inline_string: "no" } };
    const { client, setup } = await http2Scene({
      routes: [{ match: { prefix: "/" }, direct_response: direct }],
    });
    const call = client.opens("/", { ":method": "POST" }, false);
    call.stream.write("a part");
    expect(await call.answer()).toMatchObject({ status: 413, body: "no" });
    expect(call.stream.rstCode).toBe(NO_ERROR);
    expect(http(setup, "downstream_rq_response_before_rq_complete")).toBe(1);
    expect(setup.proxy.telemetry.http2.value("tx_reset")).toBe(1);
  });
});

it("an answer before the request's end is sent whole, however slowly it is read", async () => {
  const body = "x".repeat(3000);
  const direct = { status: 413, body: { inline_string: body } };
  const { client, setup } = await http2Scene({
    routes: [{ match: { prefix: "/" }, direct_response: direct }],
    settings: { initialWindowSize: 1000 },
  });
  const call = client.opens("/", { ":method": "POST" }, false);
  await call.head();
  expect(setup.proxy.telemetry.http2.value("streams_active")).toBe(1);
  expect((await call.answer()).body).toBe(body);
  expect(call.stream.rstCode).toBe(NO_ERROR);
});

describe("back-pressure", () => {
  it("keeps the origin from sending what a client does not read, and nobody else", async () => {
    const { client, origin, setup } = await http2Scene();
    const body = "x".repeat(4 * MIB);
    const slow = client.opens("/slow");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await slow.head();
    const other = client.gets("/other");
    await answers(await origin.accepts());
    expect((await other).body).toBe("ok");
    expect(setup.stat("origin", "upstream_flow_control_paused_reading_total")).toBe(1);
    expect((await slow.answer()).body.length).toBe(body.length);
  });

  it("keeps a client from sending what the origin does not read", async () => {
    const { client, origin, setup } = await http2Scene({
      hcm: { http2_protocol_options: { initial_stream_window_size: 65_536 } },
    });
    const call = client.opens("/", { ":method": "POST" }, false);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.socket.removeAllListeners("data").pause();
    const body = "y".repeat(32 * MIB);
    call.stream.end(body);
    const other = client.gets("/other");
    await answers(await origin.accepts());
    expect((await other).body).toBe("ok");
    expect(http(setup, "downstream_cx_rx_bytes_total")).toBeLessThan(24 * MIB);
    await takesLetters(upstream.socket, body.length);
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    expect((await call.answer()).body).toBe("ok");
  });
});

describe("timeouts", () => {
  it("of a route answer one stream with 504", async () => {
    const { client, clock, origin } = await http2Scene({
      routes: [{ match: { prefix: "/" }, route: { cluster: "origin", timeout: "2s" } }],
    });
    const answer = client.gets("/");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    clock.advance(2001);
    expect(await answer).toMatchObject({ status: 504, body: "upstream request timeout" });
    await upstream.sees("end");
  });

  it("of a request that does not arrive in time answer it with 408", async () => {
    const { client, clock, origin, setup } = await http2Scene({ hcm: { request_timeout: "3s" } });
    const call = client.opens("/", { ":method": "POST" }, false);
    await (await origin.accepts()).receives("\r\n\r\n");
    clock.advance(3001);
    expect(await call.answer()).toMatchObject({ status: 408, body: "request timeout" });
    expect(http(setup, "downstream_rq_timeout")).toBe(1);
  });

  it("end a stream whose client takes nothing of its answer's rest", async () => {
    const { client, clock, origin, setup } = await http2Scene({
      hcm: { stream_idle_timeout: "5s" },
    });
    const call = client.opens("/");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    const body = "x".repeat(100_000);
    upstream.sends(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await call.head();
    const other = client.gets("/other");
    await answers(upstream);
    expect((await other).body).toBe("ok");
    clock.advance(5001);
    expect(await call.ends()).toBe(INTERNAL_ERROR);
    expect(setup.proxy.telemetry.http2.value("tx_flush_timeout")).toBe(1);
  });

  it("end a connection without streams", async () => {
    const { client, clock, setup } = await http2Scene({
      hcm: { common_http_protocol_options: { idle_timeout: "4s" } },
    });
    clock.advance(4001);
    await client.ends();
    expect(http(setup, "downstream_cx_idle_timeout")).toBe(1);
    expect(http(setup, "downstream_cx_http2_active")).toBe(0);
  });

  it("let an idle connection be used again, with or without what it had kept", async () => {
    const { client, clock, origin } = await http2Scene();
    const asksTwice = (): Promise<unknown>[] => [client.gets("/one"), client.gets("/two")];
    let calls = asksTwice();
    const upstreams = [await origin.accepts(), await origin.accepts()];
    for (const pauseMs of [9999, 10_001, 1]) {
      for (const upstream of upstreams) await answers(upstream);
      expect(await Promise.all(calls)).toMatchObject([{ body: "ok" }, { body: "ok" }]);
      clock.advance(pauseMs);
      calls = asksTwice();
    }
    for (const upstream of upstreams) await answers(upstream);
    expect(await Promise.all(calls)).toMatchObject([{ body: "ok" }, { body: "ok" }]);
  });

  it.each([
    // `:method: GET` without END_HEADERS, and nothing more while others are served.
    { what: "head", frame: "\0\0\x01\x01\x01\0\0\0\x01\x82" },
    // The same with one byte of three.
    { what: "HEADERS frame", frame: "\0\0\x03\x01\x05\0\0\0\x01\x82" },
  ])("end a connection whose client does not finish a $what", async ({ frame }) => {
    const { clock, setup } = await http2Scene({ hcm: { request_headers_timeout: "2s" } });
    const slow = await setup.client();
    slow.sends("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    await slow.receives("\0\0\0\x04\x01\0\0\0\0");
    slow.sends(frame);
    const other = await Http2Client.connect(setup.port());
    other.closes();
    clock.advance(2001);
    await slow.sees("end");
    expect(http(setup, "downstream_rq_header_timeout")).toBe(1);
  });

  it("end a connection whose client answers no PING", async () => {
    const keepalive = { interval: "10s", timeout: "2s" };
    const { client, clock, setup } = await http2Scene({
      hcm: { http2_protocol_options: { connection_keepalive: keepalive } },
    });
    const silent = await setup.client();
    silent.sends("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    await silent.receives("\0\0\0\x04\x01\0\0\0\0");
    clock.advance(10_001);
    await silent.receives("\0\0\x08\x06\0\0\0\0\0");
    clock.advance(2001);
    await silent.sees("end");
    expect(setup.proxy.telemetry.http2.value("keepalive_timeout")).toBeGreaterThan(0);
    client.closes();
  });
});

describe("a flood", () => {
  const START = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
  const PRIORITY = "\0\0\x05\x02\0\0\0\0\x03\0\0\0\0\x10";
  const WINDOW_UPDATE = "\0\0\x04\x08\0\0\0\0\0\0\0\0\x01";

  it.each([
    { of: "WINDOW_UPDATE", frame: WINDOW_UPDATE, stat: "inbound_window_update_frames_flood" },
    { of: "PRIORITY", frame: PRIORITY, stat: "inbound_priority_frames_flood" },
  ] as const)("of $of frames ends the connection that it comes on", async ({ frame, stat }) => {
    const { client, origin, setup } = await http2Scene();
    const flooding = await setup.client();
    flooding.sends(START + frame.repeat(2000));
    expect(await flooding.sees("end")).toContain("\0\0\0\x0b");
    expect(setup.proxy.telemetry.http2.value(stat)).toBe(1);
    expect(http(setup, "downstream_cx_protocol_error")).toBe(1);
    const answer = client.gets("/");
    await answers(await origin.accepts());
    expect((await answer).body).toBe("ok");
  });
});

describe("a connection's end", () => {
  it("comes when it has served as many requests as it may", async () => {
    const { client, origin, setup } = await http2Scene({
      hcm: { common_http_protocol_options: { max_requests_per_connection: 2 } },
    });
    const first = client.gets("/");
    const upstream = await origin.accepts();
    await answers(upstream);
    await first;
    const second = client.gets("/");
    await answers(upstream);
    expect((await second).body).toBe("ok");
    await client.ends();
    expect(http(setup, "downstream_cx_max_requests_reached")).toBe(1);
  });

  it("waits for requests under way, when the listener drains", async () => {
    const { client, origin, setup } = await http2Scene();
    const idle = await Http2Client.connect(setup.port());
    const answer = client.gets("/");
    const upstream = await origin.accepts();
    setup.proxy.dataPlane.listeners.get("in")?.drain(0);
    await idle.ends();
    await answers(upstream);
    expect((await answer).body).toBe("ok");
    await client.ends();
  });

  it("waits for a client's first request, when clients are to go elsewhere", async () => {
    const { origin, setup } = await http2Scene();
    setup.proxy.dataPlane.listeners.discourage({ inboundOnly: false, patienceMs: 60_000 });
    const client = await Http2Client.connect(setup.port());
    const answer = client.gets("/");
    await answers(await origin.accepts());
    expect((await answer).body).toBe("ok");
    await client.ends();
  });

  it("is the end of its requests", async () => {
    const { client, origin, setup } = await http2Scene();
    client.opens("/one");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    client.closes();
    await upstream.sees("end");
    expect(http(setup, "downstream_cx_destroy_remote_active_rq")).toBe(1);
    expect(http(setup, "downstream_rq_active")).toBe(0);
  });
});
