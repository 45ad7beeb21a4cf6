import { beforeEach, describe, expect, it } from "vitest";
import { originServer, running } from "../../test/support/one-hop.ts";
import type { Peer, PeerServer } from "../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";
import { VirtualClock } from "../base/clock.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const GOOD = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood";
const BAD = "HTTP/1.1 503 No\r\ncontent-length: 3\r\n\r\nbad";

let clock: VirtualClock;
let origin: PeerServer;
let setup: ProxySetup;

async function start(
  retries: number,
  thresholds: object = {},
  outlier_detection?: object,
): Promise<void> {
  const route = {
    cluster: "origin",
    timeout: "60s",
    hedge_policy: { hedge_on_per_try_timeout: true },
    retry_policy: { retry_on: "5xx", num_retries: retries, per_try_timeout: "1s" },
  };
  clock = new VirtualClock();
  origin = await originServer();
  setup = await startSetup(
    [httpListener({ routes: [{ match: { prefix: "/" }, route }] })],
    [
      staticCluster("origin", [origin.port], {
        circuit_breakers: { thresholds: [thresholds] },
        ...(outlier_detection === undefined ? {} : { outlier_detection }),
      }),
    ],
    clock,
  );
  running.push(setup);
}

async function tried(): Promise<Peer> {
  const upstream = await origin.accepts();
  await upstream.receives("\r\n\r\n");
  return upstream;
}

/** The time of a try is over, and then that until the next. */
async function joined(): Promise<Peer> {
  clock.advance(1001);
  clock.advance(300);
  return await tried();
}

describe("a try that takes too long", () => {
  beforeEach(() => start(2));

  it("goes on beside the one that joins it, and may still answer", async () => {
    const client = await setup.client();
    client.sends(GET);
    const first = await tried();
    const second = await joined();
    first.sends(GOOD);
    expect((await client.receivesResponse()).body).toBe("good");
    await second.sees("end");
    expect(setup.stat("origin", "upstream_rq_per_try_timeout")).toBe(0);
    expect(setup.stat("origin", "upstream_rq_active")).toBe(0);
  });

  it("is ended where the other one answers", async () => {
    const client = await setup.client();
    client.sends(GET);
    const first = await tried();
    const second = await joined();
    second.sends(GOOD);
    expect((await client.receivesResponse()).body).toBe("good");
    await first.sees("end");
    expect(setup.stat("origin", "upstream_rq_active")).toBe(0);
  });

  it("is thrown away where it answers badly, as long as a better answer may come", async () => {
    const client = await setup.client();
    client.sends(GET);
    const first = await tried();
    const second = await joined();
    first.sends(BAD);
    await first.sees("end");
    expect(client.received).toBe("");
    second.sends(GOOD);
    expect((await client.receivesResponse()).body).toBe("good");
  });

  it("is joined as often as there are retries, and then the last answer counts", async () => {
    const client = await setup.client();
    client.sends(GET);
    const tries = [await tried(), await joined(), await joined()];
    clock.advance(5000);
    expect(setup.stat("origin", "upstream_rq_retry_limit_exceeded")).toBe(1);
    for (const one of tries) {
      one.sends(BAD);
      if (one !== tries.at(-1)) await one.sees("end");
    }
    expect((await client.receivesResponse()).body).toBe("bad");
    expect(setup.stat("origin", "upstream_rq_retry")).toBe(2);
    expect(setup.stat("origin", "upstream_rq_active")).toBe(0);
  });

  it("is forgotten with the others when the client goes", async () => {
    const client = await setup.client();
    client.sends(GET);
    const tries = [await tried(), await joined()];
    client.closes();
    for (const one of tries) await one.sees("end");
    expect(setup.stat("origin", "upstream_rq_active")).toBe(0);
  });

  it("is late with all others when the route's time is over", async () => {
    const client = await setup.client();
    client.sends(GET);
    const tries = [await tried(), await joined()];
    clock.advance(60_000);
    expect((await client.receivesResponse()).head).toContain("504 Gateway Timeout");
    for (const one of tries) await one.sees("end");
    expect(setup.stat("origin", "upstream_rq_timeout")).toBe(
      setup.stat("origin", "upstream_rq_total"),
    );
  });
});

it("no more than ten tries of a request are under way", async () => {
  await start(50, { max_retries: 100 });
  const client = await setup.client();
  client.sends(GET);
  const tries = [await tried()];
  while (tries.length < 10) tries.push(await joined());
  clock.advance(30_000);
  expect(setup.stat("origin", "upstream_rq_active")).toBe(10);
  tries[4]?.sends(GOOD);
  expect((await client.receivesResponse()).body).toBe("good");
  for (const one of tries) if (one !== tries[4]) await one.sees("end");
  expect(setup.stat("origin", "upstream_rq_total")).toBe(10);
});

it("is not joined where no retry is allowed, and its own answer counts", async () => {
  await start(2, { max_retries: 0 });
  const client = await setup.client();
  client.sends(GET);
  const only = await tried();
  clock.advance(2000);
  expect(setup.stat("origin", "upstream_rq_retry_overflow")).toBe(1);
  only.sends(GOOD);
  expect((await client.receivesResponse()).body).toBe("good");
});

describe("what becomes of a late try counts for outlier detection, beside its being late", () => {
  const out = () => setup.proxy.dataPlane.clusters.slot("origin").cluster?.hosts[0]?.ejected;

  beforeEach(async () => {
    await start(1, {}, { consecutive_5xx: 3, max_ejection_percent: 100 });
  });

  /** Two tries, of which the first is late. */
  async function begun(): Promise<readonly [client: Peer, first: Peer, second: Peer]> {
    const client = await setup.client();
    client.sends(GET);
    return [client, await tried(), await joined()];
  }

  it("an answer", async () => {
    const [client, first, second] = await begun();
    first.sends(BAD);
    await first.sees("end");
    expect(out()).toBe(false);
    second.sends(BAD);
    expect((await client.receivesResponse()).body).toBe("bad");
    expect(out()).toBe(true);
  });

  it("a good answer", async () => {
    const [client, first] = await begun();
    first.sends(GOOD.replace("\r\n", "\r\nconnection: close\r\n"));
    expect((await client.receivesResponse()).body).toBe("good");
    const [again, one, other] = await begun();
    one.sends(BAD);
    await one.sees("end");
    expect(out()).toBe(false);
    other.sends(BAD);
    expect((await again.receivesResponse()).body).toBe("bad");
    expect(out()).toBe(true);
  });

  it("the loss of its connection", async () => {
    const [client, first, second] = await begun();
    first.resets();
    await expect.poll(() => setup.stat("origin", "upstream_rq_active")).toBe(1);
    second.sends(BAD);
    expect((await client.receivesResponse()).body).toBe("bad");
    expect(out()).toBe(true);
  });

  it("not that all are late in the end", async () => {
    const [client] = await begun();
    clock.advance(60_000);
    expect((await client.receivesResponse()).head).toContain("504 Gateway Timeout");
    expect(out()).toBe(false);
  });
});
