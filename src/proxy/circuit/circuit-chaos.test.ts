import type { ServerResponse } from "node:http";
import { expect, it } from "vitest";
import { circuitScene, GET, MoodyServer } from "../../../test/support/circuit-scene.ts";
import type { Peer } from "../../../test/support/peer.ts";
import { staticCluster } from "../../../test/support/proxy-setup.ts";
import { SeededRandom } from "../../base/random.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";

const ROUNDS = 800;
const CLIENTS_MAX = 5;
const POST = "POST / HTTP/1.1\r\nHost: ratings\r\ncontent-length: 4\r\n\r\n";
const UPGRADE = `${GET}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`;

function turn(): Promise<void> {
  return new Promise((later) => setImmediate(later));
}

/** An origin that does whatever chance says. */
function chaotic(random: SeededRandom): (_: unknown, response: ServerResponse) => void {
  return (_, response) => {
    switch (random.below(7)) {
      case 0:
        return void response.writeHead(500, { "content-length": 3 }).end("bad");
      case 1:
        return void response.destroy();
      case 2:
        response.writeHead(200, { "content-length": 10 }).write("12345");
        return void setImmediate(() => response.destroy());
      case 3:
        return;
      case 4:
        return void response.writeHead(503).end();
      default:
        return void response.end("good");
    }
  };
}

it.each([1, 2])("gives everything back, whatever happens (seed %s)", async (seed) => {
  const random = new SeededRandom(seed);
  const other = await MoodyServer.listen();
  other.answer = chaotic(random);
  const { asks, client, clock, metric, origin, setup } = await circuitScene({
    hcm: { upgrade_configs: [{ upgrade_type: "websocket" }] },
    cluster: { circuit_breakers: { thresholds: [{ max_retries: 20, track_remaining: true }] } },
    route: {
      timeout: "2s",
      hedge_policy: { hedge_on_per_try_timeout: true },
      retry_policy: { retry_on: "5xx,reset", num_retries: 2, per_try_timeout: "0.5s" },
    },
    circuit: {
      open: { kind: "consecutiveErrors", errors: 3 },
      sleepMs: 100,
      fallback: { kind: "cluster", cluster: "other" },
    },
    clusters: [staticCluster("other", [other.port])],
  });
  origin.answer = chaotic(random);
  const clients: Peer[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    if (clients.length < CLIENTS_MAX) {
      const one = await client();
      one.sends([`${GET}\r\n\r\n`, POST, `${POST}body`, UPGRADE][random.below(4)] ?? "");
      clients.push(one);
    }
    for (let turns = random.below(6); turns > 0; turns--) await turn();
    clock.advance(random.below(4) === 0 ? random.below(700) : 1);
    if (random.below(3) === 0) clients.splice(random.below(clients.length), 1)[0]?.closes();
    if (random.below(40) === 0) {
      const text = JSON.stringify(setup.proxy.dataPlane.config);
      const sleep = /"sleepMs":1\d\d/.exec(text)?.[0] ?? "";
      const changed = text.replaceAll(sleep, `"sleepMs":${100 + random.below(99)}`);
      await setup.proxy.apply(JSON.parse(changed) as ProxyConfig);
    }
  }
  for (const one of clients) one.closes();
  const active = (): number =>
    setup.stat("origin", "upstream_rq_active") + setup.stat("other", "upstream_rq_active");
  while (active() > 0 || setup.proxy.dataPlane.circuits[0]?.concurrent !== 0) await turn();
  expect(metric("outrigger_circuit_fallback_total", ["served"])).toBeGreaterThan(0);
  expect(metric("outrigger_circuit_fallback_total", ["rejected"])).toBe(0);
  expect(metric("envoy_cluster_circuit_breakers_default_remaining_retries", ["origin"])).toBe(20);
  origin.says(200, "good");
  clock.advance(1000);
  expect((await asks()).body).toBe("good");
  expect(metric("outrigger_circuit_state")).toBe(0);
});
