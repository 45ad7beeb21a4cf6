import { describe, expect, it } from "vitest";
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
import { healthFlags } from "../admin/pages/clusters.ts";
import { endpointRow } from "../admin/proxy-source.ts";

const QUICK = { maxFailures: 3, minPenaltyMs: 1000, maxPenaltyMs: 4000, jitterRatio: 0 };

/** A proxy before endpoints that it judges, on a clock that stands still. */
class Scene {
  readonly clock = new VirtualClock();
  readonly endpoints: readonly MoodyEndpoint[];
  readonly setup: ProxySetup;

  constructor(clock: VirtualClock, endpoints: readonly MoodyEndpoint[], setup: ProxySetup) {
    this.clock = clock;
    this.endpoints = endpoints;
    this.setup = setup;
  }

  static async start(
    count: number,
    accrual: Record<string, unknown> = QUICK,
    route: Record<string, unknown> = {},
  ): Promise<Scene> {
    const clock = new VirtualClock();
    const endpoints: MoodyEndpoint[] = [];
    for (let i = 0; i < count; i++) endpoints.push(await MoodyEndpoint.start());
    const ports = endpoints.map(({ port }) => port);
    const setup = await startSetup(
      [
        httpListener({
          routes: [{ match: { prefix: "/" }, route: { cluster: "cart", ...route } }],
        }),
      ],
      [staticCluster("cart", ports, judged(accrual))],
      clock,
    );
    running.push(setup);
    return new Scene(clock, endpoints, setup);
  }

  endpoint(index: number): MoodyEndpoint {
    const found = this.endpoints[index];
    if (found === undefined) throw new Error(`no endpoint ${index}`);
    return found;
  }

  ask(): Promise<Reply> {
    return ask({ kind: "socket", host: "127.0.0.1", port: this.setup.port() }, "/");
  }

  /** The statuses of so many requests, one after the other. */
  async asks(count: number): Promise<number[]> {
    const statuses: number[] = [];
    for (let i = 0; i < count; i++) statuses.push((await this.ask()).status);
    return statuses;
  }

  /** One request, which may have to wait. */
  async asksWhileTimePasses(): Promise<number> {
    let status = 0;
    const asked = this.ask().then((reply) => {
      status = reply.status;
    });
    await expect
      .poll(() => {
        this.clock.advance(1);
        return status;
      })
      .not.toBe(0);
    await asked;
    return status;
  }

  /** How many requests of so many came to an endpoint. */
  async share(index: number, count: number): Promise<number> {
    const before = this.endpoint(index).requests;
    await this.asks(count);
    return this.endpoint(index).requests - before;
  }

  /** What `/clusters` says of each endpoint's health. */
  flags(): string[] {
    const [cluster] = this.setup.proxy.dataPlane.clusters.clusters;
    const rows = (cluster?.hosts ?? []).map(endpointRow);
    return rows.map((row) => healthFlags(row));
  }

  metric(name: string): string | undefined {
    const text = [...renderPrometheus(this.setup.proxy.telemetry.registry)].join("");
    return text
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.split(" ")[1];
  }
}

function judged(accrual: Record<string, unknown>): Record<string, unknown> {
  return {
    lb_policy: "ROUND_ROBIN",
    metadata: { filter_metadata: { "outrigger.failure_accrual": accrual } },
  };
}

const SHUT = 'outrigger_accrual_shut_endpoints{cluster="cart"}';
const FAIL_FAST = 'outrigger_accrual_fail_fast{cluster="cart"}';
const WAITING = 'outrigger_accrual_waiting_requests{cluster="cart"}';
const changes = (to: string) => `outrigger_accrual_transitions_total{cluster="cart",to="${to}"}`;

describe("an endpoint that fails", () => {
  it("is shut after so many failures in a row, and gets nothing for its penalty", async () => {
    const scene = await Scene.start(3);
    scene.endpoint(1).mood = { status: 500 };
    expect(await scene.share(1, 9)).toBe(3);
    expect(await scene.share(1, 9)).toBe(0);
    expect(scene.metric(SHUT)).toBe("1");
    expect(scene.flags()).toEqual(["healthy", "/failed_accrual", "healthy"]);
    scene.clock.advance(999);
    expect(await scene.share(1, 9)).toBe(0);
    expect(await scene.asks(3)).toEqual([200, 200, 200]);
  });

  it("gets one request on probation, and serves again when that goes well", async () => {
    const scene = await Scene.start(3);
    const bad = scene.endpoint(1);
    bad.mood = { status: 500 };
    await scene.asks(9);
    bad.mood = { status: 200 };
    bad.holds = true;
    scene.clock.advance(1000);
    expect(scene.metric(SHUT)).toBe("0");
    const answers = Array.from({ length: 9 }, () => scene.ask());
    await expect.poll(() => bad.held).toBe(1);
    await expect.poll(() => scene.endpoint(0).requests + scene.endpoint(2).requests).toBe(14);
    expect(bad.held).toBe(1);
    bad.holds = false;
    bad.release();
    await Promise.all(answers);
    await expect.poll(() => scene.metric(SHUT)).toBe("0");
    expect(await scene.share(1, 9)).toBe(3);
    expect(scene.metric(changes("probation"))).toBe("1");
    expect(scene.metric(changes("serving"))).toBe("1");
  });

  it("is shut for twice as long after each failed probation, up to a longest time", async () => {
    const scene = await Scene.start(2);
    scene.endpoint(1).mood = { status: 503 };
    await scene.asks(6);
    for (const penaltyMs of [1000, 2000, 4000, 4000]) {
      scene.clock.advance(penaltyMs - 1);
      expect(await scene.share(1, 4)).toBe(0);
      scene.clock.advance(1);
      expect(await scene.share(1, 4)).toBe(1);
    }
  });

  it("is not judged by answers that come while it is shut, or on probation", async () => {
    const scene = await Scene.start(1);
    const only = scene.endpoint(0);
    only.holds = true;
    const early = scene.ask();
    await expect.poll(() => only.held).toBe(1);
    only.holds = false;
    only.mood = { status: 500 };
    await scene.asks(3);
    only.mood = { status: 200 };
    only.release();
    expect((await early).status).toBe(200);
    expect(scene.metric(SHUT)).toBe("1");
  });

  it("is left out however many are: there is no panic", async () => {
    const scene = await Scene.start(3);
    for (const index of [0, 1]) scene.endpoint(index).mood = { status: 500 };
    await scene.asks(18);
    expect(scene.metric(SHUT)).toBe("2");
    expect(await scene.share(2, 20)).toBe(20);
  });

  it("begins to count anew after a success", async () => {
    const scene = await Scene.start(1);
    const only = scene.endpoint(0);
    for (let i = 0; i < 3; i++) {
      only.mood = { status: 500 };
      await scene.asks(2);
      only.mood = { status: 200 };
      await scene.asks(1);
    }
    expect(scene.metric(changes("shut"))).toBe("0");
  });

  it("is judged by each try, retries among them", async () => {
    const retry_policy = {
      retry_on: "5xx",
      num_retries: 2,
      retry_back_off: { base_interval: "0.001s" },
    };
    const scene = await Scene.start(2, QUICK, { retry_policy });
    scene.endpoint(0).mood = { status: 503 };
    for (let i = 0; i < 6; i++) await scene.asksWhileTimePasses();
    expect(scene.metric(changes("shut"))).toBe("1");
  });

  it("is shut for as long as it asks, up to the longest penalty", async () => {
    const scene = await Scene.start(2, { ...QUICK, honorRetryAfter: true });
    scene.endpoint(1).mood = { status: 503, headers: { "retry-after": "3" } };
    await scene.asks(6);
    scene.clock.advance(2999);
    expect(await scene.share(1, 4)).toBe(0);
    scene.clock.advance(1);
    expect(await scene.share(1, 4)).toBe(1);
  });
});

describe("too small a share of successes", () => {
  const unified = {
    ...QUICK,
    maxFailures: 0,
    successRate: { threshold: 0.5, windowMs: 10_000, minRequests: 4 },
  };

  it("shuts an endpoint that asks for fewer requests", async () => {
    const scene = await Scene.start(1, unified);
    const only = scene.endpoint(0);
    await scene.asks(2);
    only.mood = { status: 429 };
    await scene.asks(2);
    expect(scene.metric(SHUT)).toBe("0");
    await scene.asks(1);
    expect(scene.metric(SHUT)).toBe("1");
  });

  it("counts within the window alone", async () => {
    const scene = await Scene.start(1, unified);
    const only = scene.endpoint(0);
    only.mood = { status: 500 };
    await scene.asks(3);
    scene.clock.advance(11_000);
    only.mood = { status: 200 };
    await scene.asks(3);
    expect(scene.metric(SHUT)).toBe("0");
  });

  it("is no matter to failures in a row, for which 429 is an answer like others", async () => {
    const scene = await Scene.start(1);
    scene.endpoint(0).mood = { status: 429 };
    await scene.asks(9);
    expect(scene.metric(SHUT)).toBe("0");
  });
});

describe("a cluster with no endpoint that is ready", () => {
  async function allShut(): Promise<Scene> {
    const scene = await Scene.start(1, { ...QUICK, minPenaltyMs: 4000 });
    scene.endpoint(0).mood = { status: 500 };
    await scene.asks(3);
    return scene;
  }

  it("lets requests wait, then fails them and those that come, and says why", async () => {
    const scene = await allShut();
    const waiting = scene.ask();
    await expect.poll(() => scene.metric(WAITING)).toBe("1");
    scene.clock.advance(3000);
    const { status, headers, body } = await waiting;
    expect(status).toBe(504);
    expect(headers["x-outrigger-fail-fast"]).toBe("cart");
    expect(body).toBe("no endpoint of cart has been ready for 3 s");
    expect(scene.metric(FAIL_FAST)).toBe("1");
    expect((await scene.ask()).status).toBe(504);
    const refused = 'outrigger_accrual_refused_total{cluster="cart",reason="fail_fast"}';
    expect(scene.metric(refused)).toBe("2");
  });

  it("serves those who wait in turn, one on probation, then the others", async () => {
    const scene = await allShut();
    const only = scene.endpoint(0);
    scene.clock.advance(2000);
    const waiting = [scene.ask(), scene.ask(), scene.ask()];
    await expect.poll(() => scene.metric(WAITING)).toBe("3");
    only.mood = { status: 200 };
    only.holds = true;
    scene.clock.advance(2000);
    await expect.poll(() => only.held).toBe(1);
    expect(scene.metric(WAITING)).toBe("2");
    only.holds = false;
    only.release();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(only.requests).toBe(6);
  });

  it("lets a client go that waits no longer", async () => {
    const scene = await allShut();
    const client = await scene.setup.client();
    client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await expect.poll(() => scene.metric(WAITING)).toBe("1");
    client.closes();
    await expect.poll(() => scene.metric(WAITING)).toBe("0");
  });

  it("keeps a probation for the next request where the one that had it went away", async () => {
    const scene = await allShut();
    const only = scene.endpoint(0);
    only.holds = true;
    scene.clock.advance(4000);
    const client = await scene.setup.client();
    client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await expect.poll(() => only.held).toBe(1);
    expect(scene.metric(SHUT)).toBe("1");
    client.closes();
    await expect.poll(() => scene.metric(SHUT)).toBe("0");
    only.holds = false;
    only.mood = { status: 200 };
    expect((await scene.ask()).status).toBe(200);
    expect(await scene.share(0, 3)).toBe(3);
  });
});

describe("a route with several backends", () => {
  it("sends what is for one without an endpoint that is ready to the others", async () => {
    const clock = new VirtualClock();
    const [bad, good] = [await MoodyEndpoint.start(), await MoodyEndpoint.start()];
    bad.mood = { status: 500 };
    const weighted_clusters = {
      clusters: [
        { name: "cart", weight: 90 },
        { name: "other", weight: 10 },
      ],
    };
    const setup = await startSetup(
      [httpListener({ routes: [{ match: { prefix: "/" }, route: { weighted_clusters } }] })],
      [
        staticCluster("cart", [bad.port], judged(QUICK)),
        staticCluster("other", [good.port], judged(QUICK)),
      ],
      clock,
    );
    running.push(setup);
    const scene = new Scene(clock, [bad, good], setup);
    await scene.asks(20);
    expect(bad.requests).toBe(3);
    expect(good.requests).toBe(17);
  });
});
