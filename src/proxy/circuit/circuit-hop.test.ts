import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { CIRCUIT_NAME, circuitScene, GET, QUICK } from "../../../test/support/circuit-scene.ts";

const OPEN_BODY = `circuit ${CIRCUIT_NAME} is open`;
const SLEEP_MS = 5000;

describe("a circuit before a cluster", () => {
  it("opens by failures, and then nothing reaches the origin", async () => {
    const { asks, asksTimes, metric, origin } = await circuitScene();
    origin.says(500, "bad");
    expect(await asksTimes(2)).toEqual([500, 500]);
    const refused = await asks();
    expect(refused).toMatchObject({ status: 503, body: OPEN_BODY });
    expect(refused.head).not.toMatch(/x-outrigger|retry-after/);
    expect(origin.seen).toHaveLength(2);
    expect(metric("outrigger_circuit_state")).toBe(1);
    expect(metric("outrigger_circuit_rejected_total", ["open"])).toBe(1);
    expect(metric("outrigger_circuit_transitions_total", ["open"])).toBe(1);
    expect(metric("outrigger_circuit_calls")).toBe(0);
  });

  it("tries again after its sleep with one call, and closes when that goes well", async () => {
    const { asksTimes, clock, metric, origin } = await circuitScene();
    origin.says(500);
    await asksTimes(2);
    clock.advance(SLEEP_MS - 1);
    expect(await asksTimes(1)).toEqual([503]);
    clock.advance(1);
    origin.says(200);
    expect(await asksTimes(3)).toEqual([200, 200, 200]);
    expect(origin.seen).toHaveLength(5);
    expect(metric("outrigger_circuit_state")).toBe(0);
    const changes = metric("outrigger_circuit_transitions_total");
    expect(changes).toBe(3);
    expect(metric("outrigger_circuit_last_transition_timestamp_seconds", ["closed"])).toBe(
      clock.wall() / 1000,
    );
    expect(metric("outrigger_circuit_recovery_seconds")).toBe(0);
  });

  it("stays open where the probe fails", async () => {
    const { asksTimes, clock, origin } = await circuitScene();
    origin.says(500);
    await asksTimes(2);
    clock.advance(SLEEP_MS);
    expect(await asksTimes(2)).toEqual([500, 503]);
    clock.advance(SLEEP_MS - 1);
    expect(await asksTimes(1)).toEqual([503]);
    expect(origin.seen).toHaveLength(3);
  });

  it("refuses others while its probe is out, and takes another where it is given up", async () => {
    const { asks, asksTimes, client, clock, metric, origin, setup } = await circuitScene();
    origin.says(500);
    await asksTimes(2);
    clock.advance(SLEEP_MS);
    const asked = new Promise<void>((resolve) => {
      origin.answer = () => resolve();
    });
    const probe = await client();
    probe.sends(`${GET}\r\n\r\n`);
    await asked;
    expect(await asks()).toMatchObject({ status: 503, body: OPEN_BODY });
    expect(metric("outrigger_circuit_state")).toBe(2);
    expect(metric("outrigger_circuit_rejected_total", ["half_open"])).toBe(1);
    probe.closes();
    while (setup.stat("origin", "upstream_rq_active") > 0) await tick();
    origin.says(200);
    expect(await asksTimes(2)).toEqual([200, 200]);
  });

  it("explains itself where the policy says so", async () => {
    const { asks, asksTimes, clock, origin } = await circuitScene({
      circuit: { ...QUICK, explains: true },
    });
    origin.says(500);
    await asksTimes(2);
    clock.advance(1500);
    const { head } = await asks();
    expect(head).toContain(`x-outrigger-circuit: ${CIRCUIT_NAME}\r\n`);
    expect(head).toContain("retry-after: 4\r\n");
  });

  it("goes by the errors that it is told of", async () => {
    const errors = { statuses: [{ start: 418, end: 419 }] };
    const { asksTimes, origin } = await circuitScene({ circuit: { ...QUICK, errors } });
    origin.says(500);
    expect(await asksTimes(3)).toEqual([500, 500, 500]);
    origin.says(418);
    expect(await asksTimes(3)).toEqual([418, 418, 503]);
  });

  it("counts connections that fail", async () => {
    const { asksTimes } = await circuitScene({ route: { cluster: "gone" }, clusters: [GONE] });
    expect(await asksTimes(3)).toEqual([503, 503, 503]);
    const guarded = await circuitScene({ cluster: { load_assignment: GONE.load_assignment } });
    expect(await guarded.asksTimes(2)).toEqual([503, 503]);
    expect((await guarded.asks()).body).toBe(OPEN_BODY);
  });

  it("counts answers that break, and timeouts", async () => {
    const { asks, asksTimes, client, clock, origin } = await circuitScene({
      route: { timeout: "1s" },
    });
    origin.answer = (_, response) => {
      response.writeHead(200, { "content-length": 10 }).write("12345");
      setImmediate(() => response.destroy());
    };
    const broken = await client();
    broken.sends(`${GET}\r\n\r\n`);
    await broken.sees("end");
    const asked = new Promise<void>((resolve) => {
      origin.answer = () => resolve();
    });
    const late = asks();
    await asked;
    clock.advance(1000);
    expect((await late).status).toBe(504);
    expect(await asksTimes(1)).toEqual([503]);
    expect(origin.seen).toHaveLength(2);
  });

  it("counts answers that stop in their middle, until the silence is too long", async () => {
    const { asksTimes, client, clock, origin } = await circuitScene({
      route: { idle_timeout: "1s" },
    });
    origin.answer = (_, response) => {
      response.writeHead(200, { "content-length": 10 }).write("12345");
    };
    for (let i = 0; i < 2; i++) {
      const one = await client();
      one.sends(`${GET}\r\n\r\n`);
      await one.receives("12345");
      clock.advance(1000);
      await one.sees("end");
    }
    expect(await asksTimes(1)).toEqual([503]);
    expect(origin.seen).toHaveLength(2);
  });

  it("counts one call, however many tries it took", async () => {
    const route = {
      retry_policy: {
        retry_on: "5xx",
        num_retries: 2,
        retry_back_off: { base_interval: "0.001s", max_interval: "0.001s" },
      },
    };
    const { asks, clock, origin } = await circuitScene({ route });
    origin.says(500);
    const ask = async () => {
      const told = asks();
      let over = false;
      void told.finally(() => {
        over = true;
      });
      while (!over) {
        clock.advance(1);
        await tick();
      }
      return (await told).status;
    };
    expect([await ask(), await ask()]).toEqual([500, 500]);
    expect(origin.seen).toHaveLength(6);
    expect((await asks()).body).toBe(OPEN_BODY);
    expect(origin.seen).toHaveLength(6);
  });

  it("counts slow answers, also where the client did not wait for them", async () => {
    const errors = { slowerThanMs: 100 };
    const { asks, client, clock, origin, setup } = await circuitScene({
      circuit: { ...QUICK, errors },
    });
    let asked = (): void => undefined;
    let finish = (): void => undefined;
    origin.answer = (_, response) => {
      finish = () => response.end("late");
      asked();
    };
    const reached = (): Promise<void> =>
      new Promise((resolve) => {
        asked = resolve;
      });
    const first = reached();
    const slow = asks();
    await first;
    clock.advance(101);
    finish();
    expect((await slow).status).toBe(200);
    const second = reached();
    const impatient = await client();
    impatient.sends(`${GET}\r\n\r\n`);
    await second;
    clock.advance(101);
    impatient.closes();
    while (setup.stat("origin", "upstream_rq_active") > 0) await tick();
    expect((await asks()).body).toBe(OPEN_BODY);
  });

  it("does not take slow clients for a slow origin", async () => {
    const errors = { slowerThanMs: 100 };
    const { asks, client, clock, origin, setup } = await circuitScene({
      circuit: { open: { kind: "consecutiveErrors", errors: 1 }, errors },
    });
    const uploading = await client();
    uploading.sends("POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 10\r\n\r\nhalf");
    while (setup.stat("origin", "upstream_rq_active") === 0) await tick();
    clock.advance(200);
    uploading.closes();
    while (setup.stat("origin", "upstream_rq_active") > 0) await tick();
    expect((await asks()).status).toBe(200);
    const mebibytes = 64;
    origin.answer = (_, response) => {
      response.writeHead(200, { "content-length": mebibytes * 2 ** 20 });
      response.end(Buffer.alloc(mebibytes * 2 ** 20));
    };
    const reading = await client();
    reading.socket.pause();
    reading.sends(`${GET}\r\n\r\n`);
    while (setup.stat("origin", "upstream_flow_control_paused_reading_total") === 0) await tick();
    clock.advance(200);
    reading.closes();
    while (setup.stat("origin", "upstream_rq_active") > 0) await tick();
    origin.says(200);
    expect((await asks()).status).toBe(200);
  });

  it("does not count clients that give up, nor what clients do wrong", async () => {
    const { asks, asksTimes, client, origin, setup } = await circuitScene();
    for (let i = 0; i < 3; i++) {
      const asked = new Promise<void>((resolve) => {
        origin.answer = () => resolve();
      });
      const one = await client();
      one.sends(`${GET}\r\n\r\n`);
      await asked;
      one.closes();
      while (setup.stat("origin", "upstream_rq_active") > 0) await tick();
      const bad = `POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked`;
      expect((await asks(bad, "zz\r\n")).status).toBe(400);
    }
    origin.says(200);
    expect(await asksTimes(2)).toEqual([200, 200]);
  });

  it("keeps the bulkhead's number of calls, and counts who is refused", async () => {
    const { asks, client, metric, origin } = await circuitScene({
      circuit: { open: { kind: "consecutiveErrors", errors: 3 }, maxConcurrent: 1 },
    });
    const held: (() => void)[] = [];
    const asked = new Promise<void>((resolve) => {
      origin.answer = (_, response) => {
        held.push(() => response.end("good"));
        resolve();
      };
    });
    const first = await client();
    first.sends(`${GET}\r\n\r\n`);
    await asked;
    const refused = await asks();
    expect(refused).toMatchObject({ status: 503 });
    expect(refused.body).toBe(`circuit ${CIRCUIT_NAME} has no room for another call`);
    expect(metric("outrigger_circuit_rejected_total", ["bulkhead"])).toBe(1);
    expect(metric("outrigger_circuit_calls")).toBe(1);
    await asks();
    await asks();
    // Three refusals in a row: as Hystrix counts them.
    expect((await asks()).body).toBe(OPEN_BODY);
    held[0]?.();
    expect((await first.receivesResponse()).body).toBe("good");
  });

  it("judges an upgrade when it is made, and holds its place until it ends", async () => {
    const { asks, client, clock, metric, origin } = await circuitScene({
      circuit: { ...QUICK, maxConcurrent: 5 },
      hcm: { upgrade_configs: [{ upgrade_type: "websocket" }] },
    });
    origin.says(500);
    await asks();
    await asks();
    clock.advance(SLEEP_MS);
    origin.answer = (request) => {
      request.socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
      );
    };
    const socket = await client();
    socket.sends(`${GET}\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n`);
    await socket.receives("101 Switching");
    expect(metric("outrigger_circuit_state")).toBe(0);
    expect(metric("outrigger_circuit_calls")).toBe(1);
    socket.closes();
    while (metric("outrigger_circuit_calls") > 0) await tick();
  });

  it("says in the log which circuit it was", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "circuit-"));
    const file = path.join(folder, "access.log");
    const inline_string = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n";
    const typed_config = {
      "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
      path: file,
      log_format: { text_format_source: { inline_string } },
    };
    const fallback = { kind: "static", status: 200, headers: [], body: "" };
    const { asksTimes, origin, setup } = await circuitScene({
      circuit: { ...QUICK, fallback },
      hcm: { access_log: [{ name: "file", typed_config }] },
    });
    origin.says(500);
    await asksTimes(3);
    await setup.stop();
    expect(fs.readFileSync(file, "utf8").split("\n")).toEqual([
      `200 - circuit_fallback{${CIRCUIT_NAME}}`,
      `200 - circuit_fallback{${CIRCUIT_NAME}}`,
      `200 UO circuit_open{${CIRCUIT_NAME}}`,
      "",
    ]);
    fs.rmSync(folder, { recursive: true });
  });

  it("answers for the cluster, which counts what it refused", async () => {
    const { asks, origin, setup } = await circuitScene();
    origin.says(500);
    await asks();
    await asks();
    await asks();
    expect(setup.stat("origin", "upstream_rq_total")).toBe(2);
    expect(setup.stat("origin", "upstream_rq_completed")).toBe(3);
  });
});

const GONE = {
  name: "gone",
  type: "STATIC",
  connect_timeout: "1s",
  load_assignment: {
    cluster_name: "gone",
    endpoints: [
      {
        lb_endpoints: [
          { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: 1 } } } },
        ],
      },
    ],
  },
};

function tick(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
