import { describe, expect, it } from "vitest";
import { oneHop, originServer } from "../../../test/support/one-hop.ts";

const HEAD_END = "\r\n\r\n";
const UPGRADE =
  "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const ALLOWED = { hcm: { upgrade_configs: [{ upgrade_type: "websocket" }] } };

describe("bytes behind a request for another protocol", () => {
  it.each(["200 OK", "426 Upgrade Required", "403 Forbidden"])(
    "are neither sent on nor a request, where the answer is %s",
    async (status) => {
      const origin = await originServer();
      const setup = await oneHop(origin, ALLOWED);
      const client = await setup.client();
      client.sends(UPGRADE + SMUGGLED);
      const upstream = await origin.accepts();
      await upstream.receives(HEAD_END);
      upstream.sends(`HTTP/1.1 ${status}\r\ncontent-length: 2\r\n\r\nno`);
      expect(await client.sees("end")).toMatch(new RegExp(`^HTTP/1\\.1 ${status}[\\s\\S]*no$`));
      // Whoever agreed, but said it wrongly, would read the next request as the new protocol.
      expect(await upstream.sees("end")).toBe("");
      const other = await setup.client();
      other.sends("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
      expect(await (await origin.accepts()).receives(HEAD_END)).toContain("GET /next ");
    },
  );

  it("are held until the answer is 101, and then are the new protocol's", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, ALLOWED);
    const client = await setup.client();
    client.sends(`${UPGRADE}early`);
    const upstream = await origin.accepts();
    expect(await upstream.receives(HEAD_END)).toContain("upgrade: websocket\r\n");
    expect(upstream.received).toBe("");
    upstream.sends(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello",
    );
    expect(await client.receives("hello")).toMatch(/^HTTP\/1\.1 101 /);
    expect(await upstream.receives("early")).toBe("early");
  });

  it("are held behind CONNECT as well, and are nothing where it is refused", async () => {
    const origin = await originServer();
    const routes = [{ match: { connect_matcher: {} }, route: { cluster: "origin" } }];
    const setup = await oneHop(origin, {
      hcm: { upgrade_configs: [{ upgrade_type: "CONNECT" }] },
      routes,
    });
    const client = await setup.client();
    client.sends(`CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n${SMUGGLED}`);
    const upstream = await origin.accepts();
    await upstream.receives(HEAD_END);
    upstream.sends("HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n");
    expect(await client.sees("end")).toMatch(/^HTTP\/1\.1 407 /);
    expect(await upstream.sees("end")).toBe("");
  });
});
