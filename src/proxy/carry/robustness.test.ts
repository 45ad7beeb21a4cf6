import { beforeAll, describe, expect, it } from "vitest";
import { answered, running } from "../../../test/support/one-hop.ts";
import type { Peer, PeerServer } from "../../../test/support/peer.ts";
import {
  type MeshIdentity,
  meshIdentity,
  originating,
  type ProxyPair,
  proxyPair,
} from "../../../test/support/proxy-pair.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { Relay } from "../../../test/support/relay.ts";

const PREVIOUS_HOSTS =
  "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

let identity: MeshIdentity;
beforeAll(async () => {
  identity = await meshIdentity();
});

/** An outbound proxy that tries again what has no answer yet. */
async function outboundTo(ports: readonly number[], retryOn: string): Promise<ProxySetup> {
  const name = "envoy.retry_host_predicates.previous_hosts";
  const elsewhere = { name, typed_config: { "@type": PREVIOUS_HOSTS } };
  const retry_policy = { retry_on: retryOn, num_retries: 3, retry_host_predicate: [elsewhere] };
  const routes = [{ match: { prefix: "/" }, route: { cluster: "peer", retry_policy } }];
  const peer = staticCluster("peer", ports, {
    transport_socket: originating(identity),
    circuit_breakers: { thresholds: [{ max_retries: 100 }] },
  });
  const outbound = await startSetup([httpListener({ routes })], [peer]);
  running.push(outbound);
  return outbound;
}

/** The second half of a pair: an inbound proxy with its origin. */
function inboundOf(): Promise<ProxyPair> {
  return proxyPair(identity, { hcm: {} });
}

/** So many clients, each with a request that has come to the origin. */
async function ask(
  outbound: ProxySetup,
  { origin }: ProxyPair,
  count: number,
): Promise<{ readonly clients: Peer[]; readonly upstreams: Peer[] }> {
  const clients: Peer[] = [];
  const upstreams: Peer[] = [];
  for (let i = 0; i < count; i++) {
    const client = await outbound.client();
    client.sends(GET);
    clients.push(client);
  }
  for (let i = 0; i < count; i++) upstreams.push(await origin.accepts());
  for (const upstream of upstreams) await upstream.receives("\r\n\r\n");
  return { clients, upstreams };
}

/** Answers whatever comes. */
async function serve(origin: PeerServer): Promise<never> {
  for (;;) void serveOne(await origin.accepts());
}

async function serveOne(upstream: Peer): Promise<void> {
  while (!upstream.ended) await answered(upstream).catch(() => undefined);
}

async function statusOf(client: Peer): Promise<number> {
  client.sends(GET);
  const { head } = await client.receivesResponse();
  return Number(head.slice("HTTP/1.1 ".length, 12));
}

describe("clients that give up", () => {
  it.each([200, 1000])("%d at once leave the carrier and the others alone", async (count) => {
    const pair = await inboundOf();
    const kept = await ask(pair.outbound, pair, 1);
    for (let gone = 0; gone < count; gone += 200) {
      const { clients, upstreams } = await ask(pair.outbound, pair, 200);
      for (const client of clients) client.resets();
      for (const upstream of upstreams) await upstream.sees("end");
    }
    for (const upstream of kept.upstreams) {
      upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkept");
    }
    for (const client of kept.clients) expect((await client.receivesResponse()).body).toBe("kept");
    expect(pair.accepted).toBe(1);
    expect(pair.outbound.stat("peer", "upstream_cx_total")).toBe(count + 1);
  });
});

describe("an inbound proxy that drains", () => {
  it("answers what it has, and loses nothing that comes meanwhile", async () => {
    const [first, second] = [await inboundOf(), await inboundOf()];
    for (const { origin } of [first, second]) void serve(origin);
    const ports = [first.inbound.port(), second.inbound.port()];
    const outbound = await outboundTo(ports, "connect-failure,refused-stream");
    const clients = await Promise.all(Array.from({ length: 20 }, () => outbound.client()));
    let stopping: Promise<void> | undefined;
    const statuses = await Promise.all(
      clients.map(async (client, which) => {
        const seen: number[] = [];
        for (let i = 0; i < 30; i++) {
          if (which === 0 && i === 10) stopping = first.inbound.proxy.stop(5000);
          seen.push(await statusOf(client));
        }
        return seen;
      }),
    );
    await stopping;
    expect(new Set(statuses.flat())).toEqual(new Set([200]));
  });

  it("finishes what its clients wait for", async () => {
    const pair = await inboundOf();
    const { clients, upstreams } = await ask(pair.outbound, pair, 30);
    const stopping = pair.inbound.proxy.stop(5000);
    for (const upstream of upstreams) {
      upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlast");
    }
    for (const client of clients) expect((await client.receivesResponse()).body).toBe("last");
    await stopping;
    await expect.poll(() => pair.outbound.stat("peer", "upstream_rq_active")).toBe(0);
  });
});

describe("a carrier that is cut", () => {
  it("gives each request its answer, and the next ones another carrier", async () => {
    const pair = await inboundOf();
    const relay = await Relay.listen();
    relay.target = pair.inbound.port();
    const outbound = await outboundTo([relay.port], "retriable-4xx");
    const { clients } = await ask(outbound, pair, 30);
    relay.cut();
    for (const client of clients) {
      const { head, body } = await client.receivesResponse();
      expect(head).toContain("HTTP/1.1 503 ");
      expect(body).toContain("reset reason: connection termination");
    }
    expect(outbound.stat("peer", "upstream_cx_active")).toBe(0);
    expect(outbound.stat("peer", "upstream_rq_active")).toBe(0);
    expect(outbound.stat("peer", "upstream_cx_destroy_remote_with_active_rq")).toBe(30);
    void serve(pair.origin);
    for (const client of clients) expect(await statusOf(client)).toBe(200);
    expect(relay.connections).toBe(2);
  });

  it("has its requests tried again where the route says so", async () => {
    const pair = await inboundOf();
    const relay = await Relay.listen();
    relay.target = pair.inbound.port();
    const outbound = await outboundTo([relay.port], "reset");
    const { clients } = await ask(outbound, pair, 30);
    void serve(pair.origin);
    relay.cut();
    for (const client of clients) {
      expect((await client.receivesResponse()).head).toContain("HTTP/1.1 200 ");
    }
    expect(outbound.stat("peer", "upstream_rq_retry")).toBe(30);
    expect(relay.connections).toBe(2);
  });
});

it("an endpoint may carry, then not, then again", async () => {
  const carries = await inboundOf();
  const plain = await inboundOf();
  for (const { origin } of [carries, plain]) void serve(origin);
  const relay = await Relay.listen();
  const outbound = await outboundTo([relay.port], "reset");
  const clients = await Promise.all(Array.from({ length: 5 }, () => outbound.client()));
  for (const { inbound } of [carries, plain, carries]) {
    relay.target = inbound.port();
    relay.cut();
    for (const client of clients) expect(await statusOf(client)).toBe(200);
    await expect.poll(() => outbound.stat("peer", "upstream_rq_active")).toBe(0);
  }
});
