/**
 * Mutated requests and responses through a whole proxy. The origin, Node's strict parser, must be
 * able to read all that comes; so must a client; no fault of the proxy's own may come to light.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { Mutator } from "../fuzz/mutator.ts";
import { savedInputs } from "../fuzz/saved-inputs.ts";
import { h1Request } from "../fuzz/target/h1-request.ts";
import { h1Response } from "../fuzz/target/h1-response.ts";
import { connectPeer } from "../support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../support/proxy-setup.ts";
import { sendRaw } from "../support/raw-client.ts";
import { WitnessOrigin } from "../support/witness-origin.ts";

const EXECUTIONS = Number(process.env.OUTRIGGER_FUZZ ?? 400);
const AT_ONCE = 16;
/** Most mutated requests never end. */
const PATIENCE_MS = 300;
const HCM = {
  http_protocol_options: { accept_http_10: true, enable_trailers: true },
  upgrade_configs: [{ upgrade_type: "websocket" }],
  normalize_path: true,
};

const random = new SeededRandom(Number(process.env.OUTRIGGER_FUZZ_SEED ?? 1));
let origin: WitnessOrigin;
let hostile: Server;
let answer: () => Buffer;
let setup: ProxySetup;

/** Answers each connection's first request with what the fuzzer says, then ends it. */
function answerHostile(socket: Socket): void {
  socket.on("error", () => undefined);
  socket.once("data", () => socket.end(answer()));
}

beforeAll(async () => {
  origin = await WitnessOrigin.listen();
  hostile = createServer(answerHostile).listen(0, "127.0.0.1");
  await once(hostile, "listening");
  const { port } = hostile.address() as { port: number };
  const options = { http_protocol_options: { enable_trailers: true } };
  setup = await startSetup(
    [
      httpListener({
        hcm: HCM,
        routes: [
          { match: { prefix: "/hostile" }, route: { cluster: "hostile" } },
          { match: { prefix: "/" }, route: { cluster: "origin" } },
        ],
      }),
    ],
    [staticCluster("origin", [origin.port], options), staticCluster("hostile", [port], options)],
  );
});

afterEach(async () => {
  const http = setup.proxy.telemetry.http("in");
  await expect.poll(() => http.value("downstream_rq_active")).toBe(0);
  for (const cluster of ["origin", "hostile"]) {
    expect(setup.stat(cluster, "upstream_rq_active")).toBe(0);
    expect(setup.stat(cluster, "upstream_rq_pending_active")).toBe(0);
  }
  const [cluster] = setup.proxy.dataPlane.clusters.clusters;
  expect(cluster?.context.faults.total).toBe(0);
});

afterAll(async () => {
  await setup?.stop();
  origin?.stop();
  hostile?.close();
});

/** Runs so many at once as are likely to get in each other's way. */
async function manyTimes(run: () => Promise<void>): Promise<void> {
  let left = EXECUTIONS;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

it("whatever clients send, origins can read what comes of it", async () => {
  const mutator = new Mutator(h1Request, savedInputs(h1Request.name), random);
  await manyTimes(async () => {
    await sendRaw(setup.port(), [mutator.next()], PATIENCE_MS);
  });
  expect(origin.malformed).toEqual([]);
}, 120_000);

it("whatever origins answer, a client gets one response, or its connection ends", async () => {
  const mutator = new Mutator(h1Response, savedInputs(h1Response.name), random);
  answer = () => mutator.next();
  await manyTimes(async () => {
    const client = await connectPeer(setup.port());
    client.sends("GET /hostile HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const text = await client.sees("end");
    client.closes();
    expect(text).toMatch(/^(?:HTTP\/1\.1 1\d\d [\s\S]*?\r\n\r\n)*(?:HTTP\/1\.1 [2-5]\d\d |$)/);
  });
}, 120_000);
