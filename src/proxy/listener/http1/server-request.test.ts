import { describe, expect, it } from "vitest";
import { answered, oneHop, originServer } from "../../../../test/support/one-hop.ts";

const ask = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

describe("what serves a request goes from connection to connection", () => {
  it("and each gets the answers to its own requests", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const clients = [await setup.client(), await setup.client(), await setup.client()];
    clients[0]?.sends(ask("/first"));
    const upstream = await origin.accepts();
    await answered(upstream, "first");
    expect((await clients[0]?.receivesResponse())?.body).toBe("first");
    for (let i = 0; i < 12; i++) {
      const client = clients[i % clients.length];
      client?.sends(ask(`/${i}`));
      expect(await answered(upstream, `${i}`)).toContain(`GET /${i} `);
      expect((await client?.receivesResponse())?.body).toBe(`${i}`);
    }
    expect(origin.connections).toBe(1);
  });

  it("and not from one that leaves amid its request, or its head", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const [amidHead, amidRequest, last] = [
      await setup.client(),
      await setup.client(),
      await setup.client(),
    ];
    amidHead.sends("GET /half HTTP/1.1\r\n");
    amidRequest.sends(ask("/gone"));
    await (await origin.accepts()).receives("\r\n\r\n");
    amidHead.socket.destroy();
    amidRequest.socket.destroy();
    const http = setup.proxy.telemetry.http("in");
    await expect.poll(() => http.value("downstream_cx_active")).toBe(1);
    expect(http.value("downstream_rq_active")).toBe(0);
    last.sends(ask("/last"));
    expect(await answered(await origin.accepts(), "last")).toContain("GET /last ");
    expect((await last.receivesResponse()).body).toBe("last");
  });
});
