import { constants } from "node:http2";
import { expect, it } from "vitest";
import { answers, Http2Origin } from "../../../../test/support/http2-origin.ts";
import { originServer, running } from "../../../../test/support/one-hop.ts";
import type { Peer } from "../../../../test/support/peer.ts";
import {
  httpListener,
  OVER_HTTP2,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../../test/support/proxy-setup.ts";
import { RecordingHandler } from "../../../../test/support/recording-handler.ts";
import type { Host } from "../../cluster/host.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/** No stream has so high an id: the first of the two GOAWAY of an orderly end. */
const LAST_STREAM_ID_OPEN = 0x7fff_ffff;

interface Scene {
  readonly origin: Http2Origin;
  readonly setup: ProxySetup;
  readonly host: Host;
}

async function scene(cluster: Record<string, unknown> = OVER_HTTP2): Promise<Scene> {
  const origin = await Http2Origin.listen();
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const clusters = [staticCluster("origin", [origin.port], cluster)];
  const setup = await startSetup([httpListener({ routes })], clusters);
  running.push(setup);
  const host = setup.proxy.dataPlane.clusters.slot("origin").cluster?.hosts[0];
  if (host === undefined) throw new Error("the cluster has no host");
  return { origin, setup, host };
}

async function asks({ setup }: Scene): Promise<Peer> {
  const client = await setup.client();
  client.sends(GET);
  return client;
}

async function closes({ setup }: Scene): Promise<void> {
  await expect.poll(() => setup.stat("origin", "upstream_cx_active")).toBe(0);
}

it("an origin that says goodbye twice still answers what it has taken", async () => {
  const all = await scene();
  const client = await asks(all);
  const stream = await all.origin.takes();
  stream.session?.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM_ID_OPEN);
  stream.session?.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
  await expect.poll(() => all.setup.stat("origin", "upstream_cx_close_notify")).toBe(1);
  answers(stream);
  expect((await client.receivesResponse()).body).toBe("ok");
  await closes(all);
});

it("an origin that answers in HTTP/1 is told of as such in logs, not to the client", async () => {
  const origin = await originServer();
  const routes = [
    {
      match: { prefix: "/" },
      route: { cluster: "origin" },
      response_headers_to_add: [
        { header: { key: "x-reason", value: "%UPSTREAM_TRANSPORT_FAILURE_REASON%" } },
        { header: { key: "x-details", value: "%RESPONSE_CODE_DETAILS%" } },
      ],
    },
  ];
  const clusters = [staticCluster("origin", [origin.port], OVER_HTTP2)];
  const setup = await startSetup([httpListener({ routes })], clusters);
  running.push(setup);
  const client = await setup.client();
  client.sends(GET);
  const upstream = await origin.accepts();
  await upstream.receives("PRI * HTTP/2.0");
  upstream.sends("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  const { body, head } = await client.receivesResponse();
  expect(head).toMatch(/^HTTP\/1.1 502 /);
  expect(body).toMatch(/reset reason: protocol error$/);
  expect(head).toContain("x-reason: the_endpoint_answers_in_HTTP/1,_not_in_HTTP/2\r\n");
  expect(head).toContain(
    "x-details: upstream_reset_before_response_started" +
      "{protocol_error|the_endpoint_answers_in_HTTP/1,_not_in_HTTP/2}\r\n",
  );
});

it("a host that is drained twice finishes what is under way", async () => {
  const all = await scene();
  const client = await asks(all);
  const stream = await all.origin.takes();
  all.host.drain();
  all.host.drain();
  answers(stream);
  expect((await client.receivesResponse()).body).toBe("ok");
  await closes(all);
});

it("whoever waits for a connection is served though the host drains", async () => {
  const { host } = await scene();
  const handler = new RecordingHandler();
  host.poolFor(20).acquire(handler, "GET");
  host.drain();
  await expect.poll(() => handler.told).toEqual(["connection"]);
});

it.each([
  ["HTTP/1.1", {}],
  ["HTTP/2", OVER_HTTP2],
])("a host that is listed no longer keeps no connection opened since: %s", async (_, cluster) => {
  const all = await scene(cluster);
  const pool = all.host.poolFor(11);
  all.host.retire();
  const handler = new RecordingHandler();
  pool.acquire(handler, "GET");
  expect(pool.size).toBe(1);
  pool.cancel(handler);
  await closes(all);
  expect(all.origin.connections).toBe(1);
});
