import { describe, expect, it } from "vitest";
import type { Http2Call, Http2Client } from "../../../../test/support/http2-client.ts";
import { type Http2Scene, http2Scene } from "../../../../test/support/http2-scene.ts";

const ENHANCE_YOUR_CALM = 11;

const ALLOWED = {
  upgrade_configs: [{ upgrade_type: "websocket" }],
  http2_protocol_options: { allow_connect: true },
};

function asks(client: Http2Client, protocol = "websocket"): Http2Call {
  const headers = { ":method": "CONNECT", ":protocol": protocol, ":scheme": "http" };
  return client.opens("/chat", headers, false);
}

function scene(): Promise<Http2Scene> {
  return http2Scene({ hcm: ALLOWED });
}

describe("extended CONNECT", () => {
  it("is an upgrade to an HTTP/1.1 origin, and bytes then go both ways", async () => {
    const { client, origin, setup } = await scene();
    const call = asks(client).reads();
    const upstream = await origin.accepts();
    const head = await upstream.receives("\r\n\r\n");
    expect(head).toContain("GET /chat HTTP/1.1\r\n");
    expect(head).toContain("upgrade: websocket\r\n");
    expect(head).toContain("connection: upgrade\r\n");
    expect(head).toMatch(/\r\nsec-websocket-key: [A-Za-z0-9+/]{22}==\r\n/);
    const accepted = "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n";
    upstream.sends(`HTTP/1.1 101 Switching Protocols\r\n${accepted}\r\nhello`);
    const headers = await call.head();
    expect(headers).toMatchObject({ ":status": 200 });
    expect(headers).not.toHaveProperty("upgrade");
    expect(headers).not.toHaveProperty("sec-websocket-accept");
    await call.receives("hello");
    call.stream.write("and back");
    await upstream.receives("and back");
    call.stream.end();
    await upstream.sees("end");
    upstream.ends();
    await call.ends();
    const http = setup.proxy.telemetry.http("in");
    expect(http.value("downstream_cx_upgrades_total")).toBe(1);
    expect(http.value("downstream_rq_active")).toBe(0);
  });

  it("ends on the client's side when the origin has ended", async () => {
    const { client, origin } = await scene();
    const call = asks(client).reads();
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\nbye");
    upstream.ends();
    await call.receives("bye");
    expect(await call.ends()).toBe(0);
  });

  it("keeps what the client sends before the origin has agreed", async () => {
    const { client, origin } = await scene();
    const call = asks(client).reads();
    call.stream.write("early");
    const upstream = await origin.accepts();
    expect(await upstream.receives("\r\n\r\n")).not.toContain("early");
    upstream.sends("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n");
    await upstream.receives("early");
    call.resets();
    await upstream.sees("end");
  });

  it("keeps little pieces in their order, and no more than 64 KiB of them", async () => {
    const { client, origin } = await scene();
    const call = asks(client).reads();
    const pieces = Array.from({ length: 9000 }, (_, i) => `${10_000 + i};`);
    for (const piece of pieces) call.stream.write(piece);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    const greedy = asks(client);
    greedy.stream.write(Buffer.alloc(65_537));
    expect(await greedy.ends()).toBe(ENHANCE_YOUR_CALM);
    upstream.sends("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n");
    expect(await upstream.receives(pieces.at(-1) ?? "")).toBe(pieces.join(""));
  });

  it("gets the origin's refusal as it is", async () => {
    const { client, origin } = await scene();
    const call = asks(client);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nno");
    expect(await call.answer()).toMatchObject({ status: 401, body: "no" });
  });

  it("is refused for protocols that the listener does not allow", async () => {
    const { client, origin } = await scene();
    expect((await asks(client, "other").answer()).status).toBe(403);
    expect(origin.connections).toBe(0);
  });
});

it("has no route for CONNECT", async () => {
  const { client, origin } = await scene();
  const call = client.opens("", { ":method": "CONNECT", ":authority": "a:80" }, false);
  expect((await call.answer()).status).toBe(404);
  expect(origin.connections).toBe(0);
});
