import { describe, expect, it } from "vitest";
import { oneHop, originServer } from "../../test/support/one-hop.ts";

const LAST_CHUNK = "0\r\n";
const ENABLED = { http_protocol_options: { enable_trailers: true } };
const HOSTILE =
  "Content-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: evil\r\nAuthorization: x\r\n" +
  "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Client-Cert: y\r\nCookie: a=b\r\n__proto__: z\r\n";

async function proxied(hcm: Record<string, unknown> = ENABLED) {
  const origin = await originServer();
  const setup = await oneHop(origin, { hcm, cluster: ENABLED });
  return { origin, client: await setup.client() };
}

describe("trailers of a request", () => {
  const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n";

  it("go on where they are wanted, but not those that frame, route or admit", async () => {
    const { origin, client } = await proxied();
    client.sends(`${chunked}${HOSTILE}X-Checksum: 1\r\n\r\n`);
    const upstream = await origin.accepts();
    const head = await upstream.receives("\r\n\r\n");
    expect(head).toContain("host: a\r\n");
    expect(head).not.toMatch(/evil|authorization|10\.0\.0\.1|client-cert|cookie|checksum/);
    await upstream.receives(LAST_CHUNK);
    expect(await upstream.receives("\r\n\r\n")).toBe("__proto__: z\r\nx-checksum: 1\r\n\r\n");
  });

  it("are dropped where nobody has asked for them", async () => {
    const { origin, client } = await proxied({});
    client.sends(`${chunked}X-Checksum: 1\r\n\r\n`);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n1\r\na\r\n0\r\n\r\n");
  });

  it("lose names with underscores where heads do", async () => {
    const common_http_protocol_options = { headers_with_underscores_action: "DROP_HEADER" };
    const { origin, client } = await proxied({ ...ENABLED, common_http_protocol_options });
    client.sends(`${chunked}x_a: 1\r\nx-b: 2\r\n\r\n`);
    const upstream = await origin.accepts();
    await upstream.receives(`a\r\n${LAST_CHUNK}`);
    expect(await upstream.receives("\r\n\r\n")).toBe("x-b: 2\r\n\r\n");
  });
});

describe("trailers of a response", () => {
  it("go on where they are wanted, but not those that frame, route or admit", async () => {
    const { origin, client } = await proxied();
    client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n");
    upstream.sends(`${HOSTILE}Set-Cookie: a=b\r\nX-Checksum: 1\r\n\r\n`);
    const head = await client.receives("\r\n\r\n");
    expect(head).not.toMatch(/set-cookie|checksum/);
    await client.receives(LAST_CHUNK);
    expect(await client.receives("\r\n\r\n")).toBe("__proto__: z\r\nx-checksum: 1\r\n\r\n");
  });

  it("are nothing to a client of HTTP/1.0", async () => {
    const { origin, client } = await proxied({
      http_protocol_options: { enable_trailers: true, accept_http_10: true },
    });
    client.sends("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n",
    );
    expect(await client.sees("end")).toMatch(/^HTTP\/1\.0 200 [\s\S]*close\r\n\r\na$/);
  });
});
