import { describe, expect, it, vi } from "vitest";
import { type Http2Scene, http2Scene } from "../../../../test/support/http2-scene.ts";
import { answered } from "../../../../test/support/one-hop.ts";
import type { Peer } from "../../../../test/support/peer.ts";
import type { ProxyConfig } from "../../../model/bootstrap.ts";
import type { FaultStat } from "../../telemetry/envoy/filter/fault-stats.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters.http";
const ROUTER = { name: "router", typed_config: { "@type": `${FILTERS}.router.v3.Router` } };
const ALL = { numerator: 100 };
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
const GRPC = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };

function faults(settings: object): { readonly http_filters: readonly object[] } {
  const typed_config = { "@type": `${FILTERS}.fault.v3.HTTPFault`, ...settings };
  return { http_filters: [{ name: "envoy.filters.http.fault", typed_config }, ROUTER] };
}

function scene(settings: object, hcm: object = {}): Promise<Http2Scene> {
  return http2Scene({ hcm: { ...faults(settings), ...hcm } });
}

const delayed = (fixed_delay: string) => ({ delay: { fixed_delay, percentage: ALL } });
const aborted = (error: object) => ({ abort: { percentage: ALL, ...error } });

function count({ setup }: Http2Scene, stat: FaultStat): number {
  return setup.proxy.telemetry.fault("in").value(stat);
}

async function counts(all: Http2Scene, stat: FaultStat, value: number): Promise<void> {
  await vi.waitUntil(() => count(all, stat) === value, { timeout: 30_000, interval: 5 });
}

async function asks({ setup }: Http2Scene, raw: string): Promise<Peer> {
  const client = await setup.client();
  client.sends(raw);
  return client;
}

describe("streams that are held", () => {
  it("are no more than may be, and those that are reset make room", async () => {
    const all = await scene({ ...delayed("100s"), max_active_faults: 20 });
    const calls = Array.from({ length: 20 }, () => all.client.opens("/"));
    await counts(all, "active_faults", 20);
    const passes = all.client.opens("/");
    await answered(await all.origin.accepts());
    expect((await passes.answer()).status).toBe(200);
    expect(count(all, "faults_overflow")).toBe(1);
    for (const call of calls) call.resets();
    await counts(all, "active_faults", 0);
    all.client.opens("/");
    await counts(all, "delays_injected", 21);
  });

  it("end with their connection", async () => {
    const all = await scene(delayed("100s"));
    for (let i = 0; i < 20; i++) all.client.opens("/");
    await counts(all, "active_faults", 20);
    all.client.closes();
    await counts(all, "active_faults", 0);
    all.clock.advance(100_000);
    expect(all.setup.stat("origin", "upstream_rq_total")).toBe(0);
  });

  it("have no more of their bodies read than waits for any connection", async () => {
    const all = await scene(delayed("100s"), {
      http2_protocol_options: {
        initial_stream_window_size: 65_536,
        initial_connection_window_size: 1_048_576,
      },
    });
    const call = all.client.opens("/", { ":method": "POST" }, false);
    call.stream.end(Buffer.alloc(4 * 1024 * 1024, "x"));
    await counts(all, "active_faults", 1);
    const received = () =>
      all.setup.proxy.telemetry.http("in").value("downstream_cx_rx_bytes_total");
    await vi.waitUntil(() => received() > 65_536, { timeout: 30_000 });
    // A request behind it shows that what could be read has been.
    all.client.opens("/behind");
    await counts(all, "active_faults", 2);
    expect(received()).toBeLessThan(256 * 1024);
    all.clock.advance(100_000);
    const upstreams = [await all.origin.accepts(), await all.origin.accepts()];
    for (const upstream of upstreams) {
      if (!(await upstream.receives("\r\n\r\n")).includes("POST")) continue;
      expect(await upstream.receives("0\r\n\r\n")).toMatch(/x\r\n0\r\n\r\n$/);
      upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    }
    expect((await call.answer()).body).toBe("ok");
  });
});

describe("a connection whose request is held", () => {
  it("keeps what its client sends behind it, in order", async () => {
    const all = await scene(delayed("1s"));
    // A moment of 0 stands for none.
    all.clock.advance(1);
    const client = await asks(all, GET + GET.replace("/ ", "/second "));
    await counts(all, "delays_injected", 1);
    all.clock.advance(1000);
    const upstream = await all.origin.accepts();
    expect(await answered(upstream, "one")).toContain("GET / ");
    expect((await client.receivesResponse()).body).toBe("one");
    await counts(all, "delays_injected", 2);
    all.clock.advance(1000);
    expect(await answered(upstream, "two")).toContain("GET /second ");
    expect((await client.receivesResponse()).body).toBe("two");
    expect(count(all, "active_faults")).toBe(0);
  });
});

describe("a change of the configuration while a request is held", () => {
  /** The running configuration, changed in its text. */
  async function changes({ setup }: Http2Scene, from: string | RegExp, to: string): Promise<void> {
    const { listeners, clusters } = setup.proxy.bootstrap;
    const text = JSON.stringify({ listeners, clusters, routes: [], endpoints: [] });
    expect(text.replace(from, to)).not.toBe(text);
    await setup.proxy.apply(JSON.parse(text.replace(from, to)) as ProxyConfig);
  }

  it("does not end it, and it counts no more when it is over", async () => {
    const all = await scene({ ...delayed("100s"), max_active_faults: 1 });
    const client = await asks(all, GET);
    await counts(all, "active_faults", 1);
    await changes(all, '"ms":100000', '"ms":1000');
    // The new configuration knows of it: no other is held.
    const passes = await asks(all, GET);
    const upstream = await all.origin.accepts();
    await answered(upstream);
    expect((await passes.receivesResponse()).head).toContain(" 200 ");
    all.clock.advance(99_999);
    expect(client.received).toBe("");
    all.clock.advance(1);
    await answered(upstream);
    expect((await client.receivesResponse()).head).toContain(" 200 ");
    await counts(all, "active_faults", 0);
  });

  it("that takes its cluster away is answered with 503", async () => {
    const all = await scene(delayed("1s"));
    const client = await asks(all, GET);
    await counts(all, "active_faults", 1);
    const { listeners } = all.setup.proxy.bootstrap;
    await all.setup.proxy.apply({ listeners, clusters: [], routes: [], endpoints: [] });
    all.clock.advance(1000);
    expect((await client.receivesResponse()).head).toContain(" 503 ");
    expect(count(all, "active_faults")).toBe(0);
  });
});

describe("an abort", () => {
  it("before the body is there does not take the body for a request", async () => {
    const all = await scene(aborted({ http_status: 503 }));
    const client = await asks(all, POST);
    expect((await client.receivesResponse()).head).toContain(" 503 ");
    client.sends(`GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
    const rest = await client.sees("end").catch(() => client.received);
    expect(rest.match(/HTTP\/1\.1 /g) ?? []).toEqual([]);
    expect(count(all, "aborts_injected")).toBe(1);
  });

  it("leaves the connection to the requests behind it", async () => {
    const all = await scene(aborted({ http_status: 503 }));
    const client = await asks(all, GET + GET);
    expect((await client.receivesResponse()).head).toContain(" 503 ");
    expect((await client.receivesResponse()).head).toContain(" 503 ");
    expect([count(all, "aborts_injected"), count(all, "active_faults")]).toEqual([2, 0]);
  });

  it.each([
    { error: { grpc_status: 14 }, status: "14" },
    { error: { grpc_status: 0 }, status: "0" },
    { error: { http_status: 503 }, status: "14" },
    { error: { http_status: 429 }, status: "14" },
    { error: { http_status: 404 }, status: "12" },
  ])("of a gRPC call by $error is trailers alone, with status $status", async (given) => {
    const all = await scene(aborted(given.error));
    const call = all.client.opens("/echo.Echo/Say", GRPC, false);
    const { body, headers, status } = await call.answer();
    expect([status, body]).toEqual([200, ""]);
    expect(headers).toMatchObject({
      "content-type": "application/grpc",
      "grpc-status": given.status,
      "grpc-message": "fault filter abort",
    });
  });

  it("of no gRPC call by a gRPC status is a 200", async () => {
    const all = await scene(aborted({ grpc_status: 14 }));
    const { head } = await (await asks(all, GET)).receivesResponse();
    expect(head).toContain(" 200 ");
  });
});

describe("headers of a request", () => {
  const ASKING = [
    "x-envoy-fault-delay-request: 5000",
    "x-envoy-fault-delay-request-percentage: 100",
    "x-envoy-fault-abort-request: 503",
    "x-envoy-fault-abort-request-percentage: 100",
    "x-envoy-fault-abort-grpc-request: 14",
  ];

  it.each([
    { what: "no faults", settings: {} },
    {
      what: "faults for nobody",
      settings: { delay: { fixed_delay: "1s" }, abort: { http_status: 503 } },
    },
    {
      what: "faults by header for nobody",
      settings: { delay: { header_delay: {} }, abort: { header_abort: {} } },
    },
  ])("make no fault where the configuration has $what", async ({ settings }) => {
    const all = await scene(settings);
    const client = await asks(all, ["GET / HTTP/1.1", "Host: a", ...ASKING, "", ""].join("\r\n"));
    await answered(await all.origin.accepts());
    expect((await client.receivesResponse()).head).toContain(" 200 ");
    expect([count(all, "delays_injected"), count(all, "aborts_injected")]).toEqual([0, 0]);
  });
});
