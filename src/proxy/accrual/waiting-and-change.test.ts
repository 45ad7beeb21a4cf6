import { once } from "node:events";
import { connect, constants } from "node:http2";
import { beforeEach, expect, it } from "vitest";
import { ask, type Reply } from "../../../test/support/ask.ts";
import { MoodyEndpoint } from "../../../test/support/moody-endpoint.ts";
import { running } from "../../../test/support/one-hop.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";
import type { Cluster } from "../../model/cluster.ts";

const WAITING = 'outrigger_accrual_waiting_requests{cluster="cart"}';
const SHUT = 'outrigger_accrual_shut_endpoints{cluster="cart"}';
const HOUR_MS = 3_600_000;

let clock: VirtualClock;
let setup: ProxySetup;
let endpoint: MoodyEndpoint;

function judged(ports: readonly number[], name = "cart"): unknown {
  const accrual = { maxFailures: 1, minPenaltyMs: HOUR_MS, maxPenaltyMs: HOUR_MS, jitterRatio: 0 };
  const metadata = { filter_metadata: { "outrigger.failure_accrual": accrual } };
  return staticCluster(name, ports, { metadata, lb_policy: "ROUND_ROBIN" });
}

async function start(route: Record<string, unknown>, clusters: readonly unknown[]): Promise<void> {
  const to = { timeout: "0s", ...route };
  const listener = httpListener({ routes: [{ match: { prefix: "/" }, route: to }] });
  setup = await startSetup([listener], clusters, clock);
  running.push(setup);
}

beforeEach(async () => {
  clock = new VirtualClock();
  endpoint = await MoodyEndpoint.start();
});

function asks(): Promise<Reply> {
  return ask({ kind: "socket", host: "127.0.0.1", port: setup.port() }, "/");
}

function metric(name: string): string | undefined {
  const lines = [...renderPrometheus(setup.proxy.telemetry.registry)].join("").split("\n");
  return lines.find((line) => line.startsWith(`${name} `))?.split(" ")[1];
}

/** A request that waits for the only endpoint, which is shut. */
async function waits(): Promise<{ readonly answered: Promise<Reply> }> {
  await start({ cluster: "cart" }, [judged([endpoint.port])]);
  endpoint.mood = { status: 500 };
  await asks();
  const answered = asks();
  await expect.poll(() => metric(WAITING)).toBe("1");
  return { answered };
}

/** The running configuration with these clusters. */
async function swaps(clusters: readonly Cluster[]): Promise<void> {
  const { listeners } = setup.proxy.bootstrap;
  await setup.proxy.apply({ listeners, clusters, routes: [], endpoints: [] });
}

it("who waits goes to the cluster that takes the place of the one before", async () => {
  const { answered } = await waits();
  endpoint.mood = { status: 200 };
  const text = JSON.stringify(setup.proxy.bootstrap.clusters);
  await swaps(JSON.parse(text.replace('"connectTimeoutMs":1000', '"connectTimeoutMs":2000')));
  expect((await answered).status).toBe(200);
  expect(metric(WAITING)).toBe("0");
});

it("who waits for a cluster that goes away hears so", async () => {
  const { answered } = await waits();
  await swaps([]);
  const { body, status } = await answered;
  expect([status, body]).toEqual([503, "no healthy upstream"]);
});

it("a backend that never had an endpoint gives what is for it to the others", async () => {
  const weighted_clusters = {
    clusters: [
      { name: "cart", weight: 1_000_000 },
      { name: "other", weight: 1 },
    ],
  };
  await start({ weighted_clusters }, [judged([]), judged([endpoint.port], "other")]);
  expect((await asks()).status).toBe(200);
});

it.each([
  ["finds nobody ready", async () => clock.advance(3000)],
  ["hears that its cluster goes away", () => swaps([])],
])("a try that joins a late one, and %s, leaves that one alone", async (_, ends) => {
  const retry_policy = { retry_on: "5xx", num_retries: 2, per_try_timeout: "1s" };
  const hedge_policy = { hedge_on_per_try_timeout: true };
  await start({ cluster: "cart", retry_policy, hedge_policy }, [judged([endpoint.port])]);
  endpoint.holds = true;
  const asked = asks();
  await expect.poll(() => endpoint.held).toBe(1);
  clock.advance(1001);
  clock.advance(300);
  await expect.poll(() => metric(SHUT)).toBe("1");
  await expect.poll(() => metric(WAITING)).toBe("1");
  await ends();
  endpoint.release();
  expect((await asked).status).toBe(200);
});

it("who waits hears when the time of the request is over", async () => {
  await start({ cluster: "cart", timeout: "1s" }, [judged([])]);
  const asked = asks();
  await expect.poll(() => metric(WAITING)).toBe("1");
  clock.advance(1000);
  const { body, status } = await asked;
  expect([status, body]).toEqual([504, "upstream request timeout"]);
  expect(metric(WAITING)).toBe("0");
});

it("a stream that is reset waits no longer, and its connection serves others", async () => {
  await start({ cluster: "cart" }, [judged([])]);
  const session = connect(`http://127.0.0.1:${setup.port()}`);
  running.push({ stop: () => session.destroy() });
  const stream = session.request({ ":path": "/" });
  await expect.poll(() => metric(WAITING)).toBe("1");
  stream.close(constants.NGHTTP2_CANCEL);
  await expect.poll(() => metric(WAITING)).toBe("0");
  const next = session.request({ ":path": "/" });
  await expect.poll(() => metric(WAITING)).toBe("1");
  clock.advance(3000);
  const [headers] = await once(next, "response");
  expect(headers).toMatchObject({ ":status": 504, "x-outrigger-fail-fast": "cart" });
});
