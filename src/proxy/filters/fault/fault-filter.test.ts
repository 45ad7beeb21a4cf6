import { describe, expect, it, vi } from "vitest";
import { answered, originServer, running } from "../../../../test/support/one-hop.ts";
import type { Peer, PeerServer } from "../../../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../../base/clock.ts";
import type { FaultStat } from "../../telemetry/envoy/filter/fault-stats.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters.http";
const ROUTER = { name: "router", typed_config: { "@type": `${FILTERS}.router.v3.Router` } };
const ALL = { numerator: 100 };
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function faultOf(settings: object): object {
  return { "@type": `${FILTERS}.fault.v3.HTTPFault`, ...settings };
}

interface Scene {
  readonly setup: ProxySetup;
  readonly origin: PeerServer;
  readonly clock: VirtualClock;
  count(stat: FaultStat): number;
}

/** A proxy with these faults before one origin; `route`: fields beside match and cluster. */
async function scene(settings: object, route: object = {}): Promise<Scene> {
  const clock = new VirtualClock();
  const origin = await originServer();
  const fault = { name: "envoy.filters.http.fault", typed_config: faultOf(settings) };
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" }, ...route }];
  const hcm = { http_filters: [fault, ROUTER] };
  const clusters = [staticCluster("origin", [origin.port])];
  const setup = await startSetup([httpListener({ hcm, routes })], clusters, clock);
  running.push(setup);
  const stats = setup.proxy.telemetry.fault("in");
  return { setup, origin, clock, count: (stat) => stats.value(stat) };
}

function get(...headers: readonly string[]): string {
  return ["GET / HTTP/1.1", "Host: a", ...headers, "", ""].join("\r\n");
}

const delayed = (fixed_delay: string) => ({ delay: { fixed_delay, percentage: ALL } });
const aborted = (error: object) => ({ abort: { percentage: ALL, ...error } });

/** Sends a request that waits, and waits until it does. */
async function waits({ setup, count }: Scene, raw = GET): Promise<Peer> {
  const before = count("delays_injected");
  const client = await setup.client();
  client.sends(raw);
  await vi.waitUntil(() => count("delays_injected") > before, { timeout: 30_000, interval: 5 });
  return client;
}

describe("a delay", () => {
  it("holds the request, and then lets it go", async () => {
    const all = await scene(delayed("2s"));
    const client = await waits(all);
    all.clock.advance(1999);
    expect(all.setup.stat("origin", "upstream_rq_total")).toBe(0);
    all.clock.advance(1);
    await answered(await all.origin.accepts());
    expect((await client.receivesResponse()).body).toBe("ok");
    expect(all.count("delays_injected")).toBe(1);
    await vi.waitUntil(() => all.count("active_faults") === 0, { timeout: 30_000 });
  });

  it("ends with its client", async () => {
    const all = await scene(delayed("2s"));
    const client = await waits(all);
    expect(all.count("active_faults")).toBe(1);
    client.closes();
    await vi.waitUntil(() => all.count("active_faults") === 0, { timeout: 30_000 });
    all.clock.advance(3000);
    expect(all.setup.stat("origin", "upstream_rq_total")).toBe(0);
  });

  it("may be followed by an abort of the same request, which counts as one fault", async () => {
    const all = await scene({ ...delayed("1s"), ...aborted({ http_status: 418 }) });
    const client = await waits(all);
    all.clock.advance(1000);
    const { body, head } = await client.receivesResponse();
    expect([head.slice(9, 12), body]).toEqual(["418", "fault filter abort"]);
    expect([all.count("aborts_injected"), all.count("active_faults")]).toEqual([1, 0]);
  });

  it("does not count against the route's timeout", async () => {
    const all = await scene(delayed("10s"), { route: { cluster: "origin", timeout: "2s" } });
    const client = await waits(all);
    all.clock.advance(10_000);
    const upstream = await all.origin.accepts();
    await upstream.receives("\r\n\r\n");
    all.clock.advance(1999);
    expect(client.received).toBe("");
    all.clock.advance(2);
    expect((await client.receivesResponse()).head).toContain("504");
  });

  it("keeps the body that comes meanwhile", async () => {
    const all = await scene(delayed("1s"));
    const raw = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234";
    const client = await waits(all, raw);
    client.sends("56789");
    all.clock.advance(1000);
    const upstream = await all.origin.accepts();
    expect(await upstream.receives("56789")).toContain("\r\n\r\n0123456789");
  });
});

describe("an abort", () => {
  it("answers instead of the upstream", async () => {
    const { setup, count } = await scene(aborted({ http_status: 503 }));
    const client = await setup.client();
    client.sends(GET);
    const { body, head } = await client.receivesResponse();
    expect(head).toContain("503 Service Unavailable");
    expect(head).toContain("content-type: text/plain");
    expect(body).toBe("fault filter abort");
    expect(setup.stat("origin", "upstream_rq_total")).toBe(0);
    expect(count("aborts_injected")).toBe(1);
  });

  it("has the status that the request asks for, where that is allowed", async () => {
    const { setup } = await scene(aborted({ header_abort: {} }));
    const client = await setup.client();
    client.sends(get("x-envoy-fault-abort-request: 504"));
    expect((await client.receivesResponse()).head).toContain(" 504 ");
  });

  it.each(["199", "600", "-1", "many", "", "99999999999999999999999"])(
    "does not come of %j in the header",
    async (status) => {
      const { origin, setup } = await scene(aborted({ header_abort: {} }));
      const client = await setup.client();
      client.sends(get(`x-envoy-fault-abort-request: ${status}`));
      await answered(await origin.accepts());
      expect((await client.receivesResponse()).head).toContain(" 200 ");
    },
  );

  it("is no more likely than the configuration says, whatever the request asks", async () => {
    const share = { header_abort: {}, percentage: { numerator: 0 } };
    const { origin, setup } = await scene(aborted(share));
    const client = await setup.client();
    const more = "x-envoy-fault-abort-request-percentage: 100";
    client.sends(get("x-envoy-fault-abort-request: 503", more));
    await answered(await origin.accepts());
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  });
});

describe("faults of a route", () => {
  it("take the place of the filter's", async () => {
    const own = { "envoy.filters.http.fault": faultOf(aborted({ http_status: 504 })) };
    const { setup } = await scene(aborted({ http_status: 503 }), { typed_per_filter_config: own });
    const client = await setup.client();
    client.sends(GET);
    expect((await client.receivesResponse()).head).toContain(" 504 ");
  });

  it("may be none", async () => {
    const own = { "envoy.filters.http.fault": faultOf({}) };
    const { origin, setup } = await scene(aborted({ http_status: 503 }), {
      typed_per_filter_config: own,
    });
    const client = await setup.client();
    client.sends(GET);
    await answered(await origin.accepts());
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  });
});

describe("max_active_faults", () => {
  it("lets requests pass while there are so many faults", async () => {
    const all = await scene({ ...delayed("5s"), max_active_faults: 1 });
    const held = await waits(all);
    const other = await all.setup.client();
    other.sends(GET);
    await answered(await all.origin.accepts());
    expect((await other.receivesResponse()).head).toContain(" 200 ");
    expect(all.count("faults_overflow")).toBe(1);
    held.closes();
    await vi.waitUntil(() => all.count("active_faults") === 0, { timeout: 30_000 });
    await waits(all);
  });
});
