import { describe, expect, it } from "vitest";
import {
  CIRCUIT_NAME,
  circuitScene,
  GET,
  MoodyServer,
  QUICK,
} from "../../../test/support/circuit-scene.ts";
import { staticCluster } from "../../../test/support/proxy-setup.ts";

const POST = "POST / HTTP/1.1\r\nHost: ratings\r\ncontent-length: 4";
const GRPC = `${POST}\r\ncontent-type: application/grpc\r\nte: trailers`;
const STATIC = {
  kind: "static",
  status: 200,
  headers: [
    { name: "content-type", value: "application/json" },
    { name: "x-fallback", value: "true" },
  ],
  body: '[{"stars":0}]',
};
const LAST_GOOD = { kind: "lastGood", maxAgeMs: 60_000, maxBytes: 65_536 };
const RETRIES = { retry_policy: { retry_on: "retriable-status-codes" } };

function fallingBack(fallback: Record<string, unknown>): Record<string, unknown> {
  return { ...QUICK, fallback };
}

describe("a static fallback", () => {
  it("answers calls that fail, and those that are refused", async () => {
    const { asks, metric, origin } = await circuitScene({ circuit: fallingBack(STATIC) });
    origin.says(503, "bad");
    for (let i = 0; i < 3; i++) {
      const told = await asks();
      expect(told).toMatchObject({ status: 200, body: STATIC.body });
      expect(told.head).toMatch(/x-fallback: true\r\n/);
      expect(told.head).toMatch(/x-outrigger-fallback: static\r\n/);
      expect(told.head).toMatch(/content-type: application\/json\r\n/);
      expect(told.head).not.toContain("text/plain");
    }
    expect(origin.seen).toHaveLength(2);
    expect(metric("outrigger_circuit_fallback_total", ["served"])).toBe(3);
    expect(metric("envoy_cluster_upstream_rq", ["503"])).toBe(3);
  });

  it("keeps the connection, and has no body for HEAD", async () => {
    const { client, origin } = await circuitScene({ circuit: fallingBack(STATIC) });
    origin.says(500);
    const one = await client();
    for (let i = 0; i < 3; i++) {
      one.sends("HEAD / HTTP/1.1\r\nHost: ratings\r\n\r\n");
      expect(await one.receives("\r\n\r\n")).toContain(`content-length: ${STATIC.body.length}`);
      one.sends(`${GET}\r\n\r\n`);
      expect((await one.receivesResponse()).body).toBe(STATIC.body);
    }
  });

  it.each([204, 304])("has none where its status is %s", async (status) => {
    const { client, origin } = await circuitScene({ circuit: fallingBack({ ...STATIC, status }) });
    origin.says(500);
    const one = await client();
    for (let i = 0; i < 2; i++) {
      one.sends(`${GET}\r\n\r\n`);
      const head = await one.receives("\r\n\r\n");
      expect(head).toContain(`HTTP/1.1 ${status} `);
      expect(head).not.toMatch(/content-length|content-type: text/);
    }
    expect(one.received).toBe("");
  });

  it("does not answer a gRPC call with a body that it cannot read", async () => {
    const { asks, origin } = await circuitScene({ circuit: fallingBack(STATIC) });
    origin.says(503);
    await asks(GRPC, "abcd");
    await asks(GRPC, "abcd");
    const { head, status } = await asks(GRPC, "abcd");
    expect(status).toBe(200);
    expect(head).toContain("grpc-status: 14\r\n");
    expect(head).toContain(`grpc-message: circuit ${CIRCUIT_NAME} is open\r\n`);
    expect(head).not.toContain("x-outrigger-fallback");
  });

  it("answers a gRPC call where its headers do", async () => {
    const headers = [{ name: "grpc-status", value: "0" }];
    const { asks, origin } = await circuitScene({ circuit: fallingBack({ ...STATIC, headers }) });
    origin.says(503);
    const { body, head } = await asks(GRPC, "abcd");
    expect(head).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(head).toContain("grpc-status: 0\r\n");
    expect(head).toContain("content-type: application/grpc\r\n");
    expect(body).toBe("");
  });

  it("answers where nobody listens, and where time is over", async () => {
    const { asks, clock, origin } = await circuitScene({
      circuit: fallingBack(STATIC),
      route: { timeout: "1s" },
    });
    const asked = new Promise<void>((resolve) => {
      origin.answer = () => resolve();
    });
    const late = asks();
    await asked;
    clock.advance(1000);
    expect((await late).status).toBe(200);
  });

  it("leaves an answer alone that has begun", async () => {
    const { client, metric, origin } = await circuitScene({ circuit: fallingBack(STATIC) });
    origin.answer = (_, response) => {
      response.writeHead(200, { "content-length": 10 }).write("12345");
      setImmediate(() => response.destroy());
    };
    const one = await client();
    one.sends(`${GET}\r\n\r\n`);
    expect(await one.sees("end")).toContain("12345");
    expect(metric("outrigger_circuit_fallback_total")).toBe(0);
  });
});

describe("a cluster to fall back to", () => {
  async function pair(route: Record<string, unknown> = {}, circuit = {}, cluster = {}) {
    const other = await MoodyServer.listen();
    other.says(200, "other");
    const scene = await circuitScene({
      ...{ route, cluster },
      circuit: { ...fallingBack({ kind: "cluster", cluster: "other" }), ...circuit },
      clusters: [staticCluster("other", [other.port])],
    });
    return { ...scene, other };
  }

  it("gets calls that are refused, body and all, and each of them once", async () => {
    const { asks, asksTimes, metric, origin, other } = await pair();
    let body = "";
    other.answer = (request, response) => {
      request.on("data", (data) => {
        body += String(data);
      });
      request.on("end", () => response.end("other"));
    };
    origin.says(500);
    expect(await asksTimes(2)).toEqual([200, 200]);
    const told = await asks(POST, "ping");
    expect(told).toMatchObject({ status: 200, body: "other" });
    expect(told.head).toContain("x-outrigger-fallback: cluster\r\n");
    expect(body).toBe("ping");
    expect([origin.seen.length, other.seen.length]).toEqual([2, 3]);
    expect(metric("outrigger_circuit_fallback_total", ["served"])).toBe(3);
    expect(metric("envoy_cluster_upstream_rq_total", ["other"])).toBe(3);
    const counted = ["200", "500", "503"].map((code) =>
      metric("envoy_cluster_upstream_rq", ["origin", code]),
    );
    expect(counted).toEqual([0, 2, 1]);
  });

  it("does not get a call whose body is gone", async () => {
    const { asks, metric, origin, other } = await pair();
    origin.says(500, "bad");
    expect(await asks(POST, "ping")).toMatchObject({ status: 500, body: "bad" });
    expect(other.seen).toHaveLength(0);
    expect(metric("outrigger_circuit_fallback_total", ["unrepeatable"])).toBe(1);
  });

  it("gets one whose body was kept for retries", async () => {
    const { asks, origin, other } = await pair(RETRIES);
    let body = "";
    other.answer = (request, response) => {
      request.on("data", (data) => {
        body += String(data);
      });
      request.on("end", () => response.end("other"));
    };
    origin.says(500, "bad");
    expect(await asks(POST, "ping")).toMatchObject({ status: 200, body: "other" });
    expect(body).toBe("ping");
  });

  it("gets a call whose retry was too late, and that retry is given back", async () => {
    const limits = { thresholds: [{ max_retries: 1 }] };
    const { asks, clock, origin, other, setup } = await pair(
      { timeout: "1s", retry_policy: { retry_on: "5xx", num_retries: 1 } },
      { open: { kind: "consecutiveErrors", errors: 100 } },
      { circuit_breakers: limits },
    );
    for (const retried of [1, 2]) {
      const hangs = new Promise<void>((resolve) => {
        origin.answer = (_, response) => {
          origin.answer = () => resolve();
          response.writeHead(500, { "content-length": 0 }).end();
        };
      });
      const asked = asks();
      while (setup.stat("origin", "upstream_rq_total") < 2 * retried - 1) await tick();
      while (setup.stat("origin", "upstream_rq_active") > 0) await tick();
      clock.advance(25);
      await Promise.race([hangs, asked]);
      clock.advance(1000);
      expect((await asked).status).toBe(200);
      expect(other.seen).toHaveLength(retried);
    }
    expect(setup.stat("origin", "upstream_rq_retry_overflow")).toBe(0);
  });

  it("is asked no further when it fails itself", async () => {
    const { asksTimes, metric, origin, other } = await pair();
    origin.says(500);
    other.says(502);
    expect(await asksTimes(4)).toEqual([502, 502, 502, 502]);
    expect([origin.seen.length, other.seen.length]).toEqual([2, 4]);
    expect(metric("outrigger_circuit_fallback_total", ["failed"])).toBe(4);
  });

  it("gets no more than ten calls at a time", async () => {
    const { asks, client, metric, origin, other } = await pair();
    origin.says(500);
    await asks();
    await asks();
    const held: (() => void)[] = [];
    const arrived = new Promise<void>((resolve) => {
      other.answer = (_, response) => {
        held.push(() => response.end("other"));
        if (held.length === 10) resolve();
      };
    });
    const clients = await Promise.all(Array.from({ length: 10 }, () => client()));
    for (const one of clients) one.sends(`${GET}\r\n\r\n`);
    await arrived;
    expect((await asks()).body).toBe(`circuit ${CIRCUIT_NAME} is open`);
    expect(metric("outrigger_circuit_fallback_total", ["rejected"])).toBe(1);
    for (const answer of held) answer();
    for (const one of clients) expect((await one.receivesResponse()).body).toBe("other");
    other.says(200, "other");
    expect((await asks()).body).toBe("other");
  });

  it("is not missed where it is not there", async () => {
    const { asksTimes, metric, origin } = await circuitScene({
      circuit: fallingBack({ kind: "cluster", cluster: "nobody" }),
    });
    origin.says(500);
    expect(await asksTimes(3)).toEqual([500, 500, 503]);
    expect(metric("outrigger_circuit_fallback_total", ["missing"])).toBe(3);
  });

  it("may have a circuit of its own, which is not asked", async () => {
    const { asksTimes, origin } = await circuitScene({
      circuit: fallingBack({ kind: "cluster", cluster: "origin" }),
    });
    origin.says(500);
    // The same cluster again: once for each call, and never in a circle.
    expect(await asksTimes(3)).toEqual([500, 500, 500]);
    expect(origin.seen).toHaveLength(5);
  });
});

describe("the last good answer", () => {
  it("is served to the same question while the origin fails, and says its age", async () => {
    const { asks, clock, metric, origin } = await circuitScene({ circuit: fallingBack(LAST_GOOD) });
    origin.answer = (_, response) => {
      response.writeHead(200, { "content-type": "text/x", "x-own": "1" });
      response.write("go");
      response.end("od");
    };
    expect(await asks()).toMatchObject({ status: 200, body: "good" });
    clock.advance(7500);
    origin.says(500);
    const failed = await asks();
    expect(failed).toMatchObject({ status: 200, body: "good" });
    expect(failed.head).toContain("age: 7\r\n");
    expect(failed.head).toContain('warning: 110 - "Response is Stale"\r\n');
    expect(failed.head).toContain('warning: 111 - "Revalidation Failed"\r\n');
    expect(failed.head).toContain("x-outrigger-fallback: lastGood\r\n");
    expect(failed.head).toContain("content-type: text/x\r\n");
    expect(failed.head).toContain("content-length: 4\r\n");
    expect(failed.head).not.toMatch(/transfer-encoding|x-envoy-upstream-service-time/);
    await asks();
    const refused = await asks();
    expect(refused).toMatchObject({ status: 200, body: "good" });
    expect(refused.head).not.toContain("111");
    expect((await asks("HEAD / HTTP/1.1\r\nHost: ratings")).status).toBe(200);
    expect((await asks("GET /b HTTP/1.1\r\nHost: ratings")).status).toBe(503);
    expect((await asks(`${GET}\r\ncookie: a=b`)).status).toBe(503);
    expect(metric("outrigger_circuit_fallback_total", ["served"])).toBe(4);
    expect(metric("outrigger_circuit_fallback_total", ["missing"])).toBe(2);
    clock.advance(52_501);
    expect((await asks()).status).toBe(500);
  });

  it("is none that did not come whole, or that only one user may see", async () => {
    const { asks, client, origin } = await circuitScene({ circuit: fallingBack(LAST_GOOD) });
    origin.answer = (_, response) => {
      response.writeHead(200, { "content-length": 10 }).write("12345");
      setImmediate(() => response.destroy());
    };
    const one = await client();
    one.sends(`${GET}\r\n\r\n`);
    await one.sees("end");
    origin.answer = (_, response) => {
      response.setHeader("cache-control", "private");
      response.end("mine");
    };
    await asks("GET /mine HTTP/1.1\r\nHost: ratings");
    await asks(`GET /user HTTP/1.1\r\nHost: ratings\r\nauthorization: Bearer a`);
    origin.says(500);
    for (const path of ["", "mine", "user"]) {
      expect((await asks(`GET /${path} HTTP/1.1\r\nHost: ratings`)).status).not.toBe(200);
    }
  });

  it.each([
    ["x-forwarded-host: evil.example"],
    ["x-forwarded-proto: https"],
    ["x-http-method-override: DELETE"],
    ["x-original-url: /admin"],
    ["x-request-id: <script>"],
  ])("of a request with %s is nobody else's", async (field) => {
    const { asks, origin } = await circuitScene({ circuit: fallingBack(LAST_GOOD) });
    origin.answer = (_, response) => response.end("evil");
    await asks(`${GET}\r\n${field}`);
    await asks(`GET http://ratings/ HTTP/1.1\r\nHost: evil.example\r\n${field}`);
    origin.says(500);
    expect((await asks()).status).toBe(500);
  });

  it("of an absolute target is that of the same origin-form, whatever Host says", async () => {
    const { asks, origin } = await circuitScene({ circuit: fallingBack(LAST_GOOD) });
    origin.answer = (request, response) => response.end(`for ${request.headers.host}`);
    await asks("GET http://ratings/ HTTP/1.1\r\nHost: evil.example");
    await asks("GET http://evil.example/ HTTP/1.1\r\nHost: ratings");
    origin.says(500);
    expect((await asks()).body).toBe("for ratings");
  });

  it("gives way to a later one, and goes with one that may not be kept", async () => {
    const { asks, origin } = await circuitScene({ circuit: fallingBack(LAST_GOOD) });
    for (const body of ["one", "two"]) {
      origin.says(200, body);
      await asks();
    }
    origin.says(500);
    expect((await asks()).body).toBe("two");
    origin.says(404);
    expect((await asks()).status).toBe(404);
    origin.says(500);
    expect((await asks()).status).toBe(500);
  });

  it.each([
    [404, 500],
    [304, 200],
    [412, 200],
    [200, 200],
  ])("that a condition meets with %s is followed by %s", async (status, then) => {
    const { asks, origin } = await circuitScene({ circuit: fallingBack(LAST_GOOD) });
    origin.says(200, "one");
    await asks();
    origin.says(status);
    expect((await asks(`${GET}\r\nif-none-match: "1"`)).status).toBe(status);
    origin.says(500);
    expect((await asks()).status).toBe(then);
  });
});

function tick(): Promise<void> {
  return new Promise((later) => setImmediate(later));
}
