import { beforeAll, describe, expect, it } from "vitest";
import { parseExposition } from "../../../test/support/exposition.ts";
import { answered } from "../../../test/support/one-hop.ts";
import type { Peer } from "../../../test/support/peer.ts";
import {
  type MeshIdentity,
  meshIdentity,
  type ProxyPair,
  proxyPair,
} from "../../../test/support/proxy-pair.ts";
import { VirtualClock } from "../../base/clock.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";
import type { ClusterStat } from "../telemetry/envoy/cluster-columns.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OVERFLOW =
  "upstream connect error or disconnect/reset before headers. reset reason: overflow";
const BAD = "HTTP/1.1 500 No\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbad";

const THRESHOLDS = { max_connections: 2, max_pending_requests: 1, max_retries: 1 };
const CLUSTER = {
  circuit_breakers: { thresholds: [THRESHOLDS] },
  outlier_detection: { consecutive_5xx: 3, max_ejection_percent: 100 },
  common_lb_config: { healthy_panic_threshold: { value: 0 } },
};
const ROUTE = { retry_policy: { retry_on: "5xx", num_retries: 1 } };
/** More than a retry ever waits here. */
const BACK_OFF_MS = 100;
/** More than the first ejection lasts, and until it is looked at. */
const EJECTED_MS = 41_000;

const OF_THE_WAY = /^envoy_cluster_.*envoy_cluster_name="peer"/;
/**
 * What differs with the clock and with how bytes are framed on the way; and whether a connection
 * was ready again for the next request, or did not have all of a failed answer yet.
 */
const UNLIKE =
  /bytes|_ms|time|flow_control|ssl|http2|cx_(total|http1|destroy|active|length)|per_cx|g_total/;

let identity: MeshIdentity;
beforeAll(async () => {
  identity = await meshIdentity();
});

/** One way between two sidecars, and what clients have been told there. */
class Way {
  readonly pair: ProxyPair;
  readonly clock: VirtualClock;
  readonly answers: string[] = [];

  constructor(pair: ProxyPair, clock: VirtualClock) {
    this.pair = pair;
    this.clock = clock;
  }

  async asks(): Promise<Peer> {
    const client = await this.pair.client();
    client.sends(GET);
    return client;
  }

  /** The next connection of the origin that has a request. */
  async asked(): Promise<Peer> {
    const upstream = await this.pair.origin.accepts();
    await upstream.receives("\r\n\r\n");
    return upstream;
  }

  async hears(client: Peer): Promise<void> {
    const { body, head } = await client.receivesResponse();
    const overloaded = head.includes("x-envoy-overloaded: true") ? " overloaded" : "";
    this.answers.push(`${head.slice(9, 12)} ${body}${overloaded}`);
    client.closes();
  }

  stat(name: ClusterStat): number {
    return this.pair.outbound.stat("peer", name);
  }

  async reaches(name: ClusterStat, value: number): Promise<void> {
    await expect.poll(() => this.stat(name)).toBe(value);
  }

  async ejected(ejected: boolean): Promise<void> {
    const slot = this.pair.outbound.proxy.dataPlane.clusters.slot("peer");
    await expect.poll(() => slot.cluster?.hosts[0]?.ejected).toBe(ejected);
  }

  /** A try has failed at the origin: it is tried again. */
  async retries(retries: number): Promise<void> {
    await this.reaches("upstream_rq_active", 0);
    this.clock.advance(BACK_OFF_MS);
    await this.reaches("upstream_rq_retry", retries);
  }
}

/** Two connections are busy, one request waits, and one is too many. */
async function overflows(way: Way): Promise<void> {
  const busy: Peer[] = [];
  const upstreams: Peer[] = [];
  // One after the other: who waits for a new connection waits as well.
  while (busy.length < 2) {
    busy.push(await way.asks());
    upstreams.push(await way.asked());
  }
  const waits = await way.asks();
  await way.reaches("upstream_rq_pending_active", 1);
  await way.hears(await way.asks());
  for (const upstream of upstreams) {
    upstream.sends("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\na");
  }
  for (const client of busy) await way.hears(client);
  const upstream = await way.pair.origin.accepts();
  await answered(upstream, "b", "connection: close\r\n");
  await way.hears(waits);
}

/** Of two that fail, one may be tried again. */
async function retries(way: Way): Promise<void> {
  const first = await way.asks();
  const failing = await way.asked();
  const second = await way.asks();
  const other = await way.asked();
  failing.sends(BAD);
  await way.reaches("upstream_rq_active", 1);
  other.sends(BAD);
  await way.hears(second);
  await way.retries(1);
  await answered(await way.pair.origin.accepts(), "good", "connection: close\r\n");
  await way.hears(first);
}

/** The third failure in a row ejects the only host; its time comes to an end. */
async function ejects(way: Way): Promise<void> {
  const first = await way.asks();
  (await way.asked()).sends(BAD);
  await way.retries(2);
  (await way.asked()).sends(BAD);
  await way.hears(first);
  const second = await way.asks();
  (await way.asked()).sends(BAD);
  await way.ejected(true);
  way.clock.advance(BACK_OFF_MS);
  await way.hears(second);
  await way.hears(await way.asks());
  way.clock.advance(EJECTED_MS);
  await way.ejected(false);
  const again = await way.asks();
  await answered(await way.pair.origin.accepts(), "again", "connection: close\r\n");
  await way.hears(again);
}

interface Outcome {
  readonly answers: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
}

/** All that the first sidecar counts of the way to the other. */
function countersOf({ outbound }: ProxyPair): Record<string, number> {
  const text = [...renderPrometheus(outbound.proxy.telemetry.registry)].join("");
  const families = [...parseExposition(text)].filter(([name]) => !UNLIKE.test(name));
  const samples = families.flatMap(([, family]) => [...family.samples]);
  return Object.fromEntries(samples.filter(([name]) => OF_THE_WAY.test(name)));
}

async function outcome(carrying: boolean): Promise<Outcome> {
  const clock = new VirtualClock();
  const options = { carrying, clock, cluster: CLUSTER, hcm: {}, route: ROUTE };
  const way = new Way(await proxyPair(identity, options), clock);
  await overflows(way);
  await retries(way);
  await ejects(way);
  await way.reaches("upstream_rq_active", 0);
  return { answers: way.answers, counters: countersOf(way.pair) };
}

describe("between two sidecars, carried or not,", () => {
  it("limits, retries and ejections are the same to clients and counters", async () => {
    const [carried, alone] = [await outcome(true), await outcome(false)];
    expect(carried).toEqual(alone);
    expect(alone.answers).toEqual([
      `503 ${OVERFLOW} overloaded`,
      "200 a",
      "200 a",
      "200 b",
      "500 bad",
      "200 good",
      "500 bad",
      "503 no healthy upstream",
      "503 no healthy upstream",
      "200 again",
    ]);
    const counted = (name: string): number | undefined =>
      alone.counters[`envoy_cluster_${name}{envoy_cluster_name="peer"}`];
    expect(counted("upstream_rq_pending_overflow")).toBe(1);
    expect(counted("upstream_rq_retry")).toBe(3);
    expect(counted("upstream_rq_retry_success")).toBe(1);
    expect(counted("upstream_rq_retry_overflow")).toBe(1);
    expect(counted("outlier_detection_ejections_enforced_total")).toBe(1);
    expect(counted("outlier_detection_ejections_active")).toBe(0);
  });
});
