import { describe, expect, it } from "vitest";
import { originServer, running } from "../../test/support/one-hop.ts";
import type { Peer, PeerServer } from "../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";

async function setUp(
  listener: { readonly hcm?: Record<string, unknown>; readonly routes: readonly unknown[] },
  ports: Readonly<Record<string, number>>,
): Promise<ProxySetup> {
  const clusters = Object.entries(ports).map(([name, port]) => staticCluster(name, [port]));
  const setup = await startSetup([httpListener(listener)], clusters);
  running.push(setup);
  return setup;
}

/** Answers every request of the connection with this body. */
async function answersAll(server: PeerServer, body: string): Promise<void> {
  const upstream = await server.accepts();
  upstream.socket.on("data", (text) => {
    const requests = String(text).split("\r\n\r\n").length - 1;
    const response = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    upstream.sends(response.repeat(requests));
  });
}

async function answered(upstream: Peer): Promise<string> {
  const head = await upstream.receives("\r\n\r\n");
  upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  return head;
}

describe("a split of 90 to 10", () => {
  const COUNT = 1000;
  const clusters = [
    { name: "heavy", weight: 90 },
    { name: "light", weight: 10 },
  ];
  const routes = [{ match: { prefix: "/" }, route: { weighted_clusters: { clusters } } }];

  async function choices(): Promise<string> {
    const heavy = await originServer();
    const light = await originServer();
    const setup = await setUp({ routes }, { heavy: heavy.port, light: light.port });
    const client = await setup.client();
    const answering = [answersAll(heavy, "H"), answersAll(light, "L")];
    client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(COUNT));
    let chosen = "";
    for (let i = 0; i < COUNT; i++) chosen += (await client.receivesResponse()).body;
    await Promise.all(answering);
    return chosen;
  }

  it("is kept over 1000 requests, and the same chance makes the same choices", async () => {
    const chosen = await choices();
    const light = chosen.split("L").length - 1;
    // Four standard deviations of a binomial distribution: sqrt(1000 * 0.9 * 0.1) is 9.5.
    expect(light).toBeGreaterThan(62);
    expect(light).toBeLessThan(138);
    expect(await choices()).toBe(chosen);
  });
});

describe("a regex rewrite", () => {
  const regex_rewrite = {
    pattern: { regex: "^/service/([^/]+)(/.*)$" },
    substitution: "\\2/instance/\\1",
  };
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin", regex_rewrite } }];

  it.each([
    { asked: "/service/foo/v1/api", sent: "/v1/api/instance/foo", original: true },
    { asked: "/service/foo/v1?a=/b", sent: "/v1/instance/foo?a=/b", original: true },
    { asked: "/other/foo", sent: "/other/foo", original: false },
  ])("sends $asked as $sent", async ({ asked, sent, original }) => {
    const origin = await originServer();
    const client = await (await setUp({ routes }, { origin: origin.port })).client();
    client.sends(`GET ${asked} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const head = await answered(await origin.accepts());
    expect(head.startsWith(`GET ${sent} HTTP/1.1\r\n`)).toBe(true);
    expect(head.includes(`\r\nx-envoy-original-path: ${asked}\r\n`)).toBe(original);
    expect((await client.receivesResponse()).body).toBe("ok");
  });
});

describe("the listener's limits of a head", () => {
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const hcm = {
    max_request_headers_kb: 1,
    common_http_protocol_options: { max_headers_count: 3 },
  };

  it.each([
    { what: "more bytes", fields: `x: ${"x".repeat(1024)}\r\n` },
    { what: "more fields", fields: "a: 1\r\nb: 2\r\nc: 3\r\n" },
  ])("answer 431 to $what, and no origin sees it", async ({ fields }) => {
    const origin = await originServer();
    const client = await (await setUp({ hcm, routes }, { origin: origin.port })).client();
    client.sends(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    expect((await client.receivesResponse()).head).toContain(
      "HTTP/1.1 431 Request Header Fields Too Large\r\n",
    );
    await client.sees("end");
    expect(origin.connections).toBe(0);
  });

  it("let pass what reaches them", async () => {
    const origin = await originServer();
    const client = await (await setUp({ hcm, routes }, { origin: origin.port })).client();
    client.sends(`GET / HTTP/1.1\r\nHost: a\r\na: ${"x".repeat(900)}\r\nb: 2\r\n\r\n`);
    expect(await answered(await origin.accepts())).toContain("b: 2\r\n");
    expect((await client.receivesResponse()).body).toBe("ok");
  });
});

describe("a direct response", () => {
  const listener = (length: number): unknown => {
    const body = { inline_string: "x".repeat(length) };
    const routes = [{ match: { prefix: "/" }, direct_response: { status: 418, body } }];
    return httpListener({ routes });
  };

  it("of 4 KiB is given", async () => {
    const setup = await startSetup([listener(4096)], []);
    running.push(setup);
    const client = await setup.client();
    client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const { head, body } = await client.receivesResponse();
    expect(head).toContain("HTTP/1.1 418 ");
    expect(body.length).toBe(4096);
  });

  it.each([204, 304])(
    "with status %i has no body, which would be the next answer",
    async (status) => {
      const body = { inline_string: "HTTP/1.1 200 OK\r\n\r\n" };
      const routes = [
        { match: { path: "/bodiless" }, direct_response: { status, body } },
        { match: { prefix: "/" }, direct_response: { status: 418 } },
      ];
      const setup = await startSetup([httpListener({ routes })], []);
      running.push(setup);
      const client = await setup.client();
      client.sends("GET /bodiless HTTP/1.1\r\nHost: a\r\n\r\n");
      const head = await client.receives("\r\n\r\n");
      expect(head).toContain(`HTTP/1.1 ${status} `);
      expect(head).not.toContain("content-length");
      client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      expect(await client.receives("\r\n\r\n")).toMatch(/^HTTP\/1.1 418 /);
    },
  );

  it("of one byte more is refused with the configuration", async () => {
    await expect(startSetup([listener(4097)], [])).rejects.toThrow("is too long");
  });
});
