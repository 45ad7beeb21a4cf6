import { beforeAll, describe, expect, it } from "vitest";
import type { Peer } from "../../../test/support/peer.ts";
import { type MeshIdentity, meshIdentity, proxyPair } from "../../../test/support/proxy-pair.ts";
import { VirtualClock } from "../../base/clock.ts";

const CALL = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
const BAD = "HTTP/1.1 503 No\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbad";
const GOOD = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood";

let identity: MeshIdentity;

beforeAll(async () => {
  identity = await meshIdentity();
});

/** The next connection of the origin that has a whole request. */
async function executed(origin: { accepts(): Promise<Peer> }): Promise<Peer> {
  const upstream = await origin.accepts();
  await upstream.receives("hello");
  return upstream;
}

describe.each([
  { carrying: true, how: "carried" },
  { carrying: false, how: "not carried" },
])("between two sidecars, $how,", ({ carrying }) => {
  const cluster = { circuit_breakers: { thresholds: [{ max_retries: 9 }] } };

  it("a request is tried again with its body, after an answer and after a reset", async () => {
    const clock = new VirtualClock();
    const route = { retry_policy: { retry_on: "5xx", num_retries: 2 } };
    const { client, origin, outbound } = await proxyPair(identity, {
      carrying,
      clock,
      cluster,
      hcm: {},
      route,
    });
    const peer = await client();
    peer.sends(CALL);
    (await executed(origin)).sends(BAD);
    const waits = async (retries: number) => {
      await expect.poll(() => outbound.stat("peer", "upstream_rq_active")).toBe(0);
      clock.advance(300);
      expect(outbound.stat("peer", "upstream_rq_retry")).toBe(retries);
    };
    await waits(1);
    (await executed(origin)).closes();
    await waits(2);
    (await executed(origin)).sends(GOOD);
    expect((await peer.receivesResponse()).body).toBe("good");
    expect(outbound.stat("peer", "upstream_rq_total")).toBe(3);
    expect(outbound.stat("peer", "upstream_rq_retry_success")).toBe(1);
  });

  it("a late try is joined by another, and its origin hears that nobody waits", async () => {
    const clock = new VirtualClock();
    const route = {
      timeout: "60s",
      hedge_policy: { hedge_on_per_try_timeout: true },
      retry_policy: { retry_on: "5xx", num_retries: 1, per_try_timeout: "1s" },
    };
    const { client, origin, outbound } = await proxyPair(identity, {
      carrying,
      clock,
      cluster,
      hcm: {},
      route,
    });
    const peer = await client();
    peer.sends(CALL);
    const first = await executed(origin);
    clock.advance(1001);
    clock.advance(300);
    const second = await executed(origin);
    second.sends(GOOD);
    expect((await peer.receivesResponse()).body).toBe("good");
    await first.sees("end");
    expect(outbound.stat("peer", "upstream_rq_total")).toBe(2);
    expect(outbound.stat("peer", "upstream_rq_active")).toBe(0);
  });

  it("nothing is executed twice that has been sent, where nobody asks for more", async () => {
    const route = { retry_policy: { retry_on: "connect-failure,refused-stream", num_retries: 2 } };
    const { client, origin, outbound } = await proxyPair(identity, { carrying, hcm: {}, route });
    const peer = await client();
    peer.sends(CALL);
    (await executed(origin)).closes();
    expect((await peer.receivesResponse()).head).toContain("503 Service Unavailable");
    expect(outbound.stat("peer", "upstream_rq_total")).toBe(1);
    expect(origin.connections).toBe(1);
  });
});
