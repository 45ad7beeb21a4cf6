import { afterAll, beforeAll, expect, it } from "vitest";
import { socketAddress } from "../../../src/model/address.ts";
import { ask } from "../../support/ask.ts";
import {
  eventually,
  freePort,
  type RunningProgram,
  startOutrigger,
} from "../../support/envoy-process.ts";
import { OVER_HTTP2, staticCluster } from "../../support/proxy-setup.ts";
import { LedgerOrigin } from "../arena/origin.ts";
import { HostileControlPlane } from "./hostile-control-plane.ts";
import {
  CLUSTER,
  goodCluster,
  goodListener,
  LISTENER,
  PUSHES,
  type PushPorts,
  packed,
} from "./pushes.ts";

let plane: HostileControlPlane;
let origin: LedgerOrigin;
let program: RunningProgram;
let ports: PushPorts;
let version = 0;

beforeAll(async () => {
  plane = await HostileControlPlane.listen();
  origin = await LedgerOrigin.listen();
  const [admin, listener] = [await freePort(), await freePort()];
  ports = { origin: origin.port, taken: origin.port, admin, listener };
  program = startOutrigger(bootstrap());
  await serveGood();
  await eventually("it serves", async () => (await served()) === "200 good");
});

afterAll(async () => {
  await program?.stop();
  plane?.stop();
  origin?.stop();
});

function bootstrap(): string {
  const ads = { envoy_grpc: { cluster_name: "ads" } };
  const api = { api_type: "GRPC", transport_api_version: "V3", grpc_services: [ads] };
  return JSON.stringify({
    node: { id: "attacked", cluster: "attacked" },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: ports.admin } } },
    static_resources: { clusters: [staticCluster("ads", [plane.port], OVER_HTTP2)] },
    dynamic_resources: {
      ads_config: api,
      cds_config: { ads: {}, resource_api_version: "V3" },
      lds_config: { ads: {}, resource_api_version: "V3" },
    },
  });
}

/** What the proxy runs before and after each attack. */
async function serveGood(): Promise<void> {
  const clusters = await plane.push(CLUSTER, `v${++version}`, [goodCluster(ports)]);
  const listeners = await plane.push(LISTENER, `v${++version}`, [goodListener(ports)]);
  expect([clusters.error, listeners.error]).toEqual(["", ""]);
}

async function served(): Promise<string> {
  try {
    const { status, body } = await ask(socketAddress("127.0.0.1", ports.listener), "/good");
    return `${status} ${body}`;
  } catch (error) {
    return String(error);
  }
}

/** A client that goes on asking while something is pushed. */
class Asking {
  readonly #wrong: string[] = [];
  readonly #running: Promise<void> = this.#ask();
  #goesOn = true;

  /** What it was answered that was not right. */
  async stop(): Promise<readonly string[]> {
    this.#goesOn = false;
    await this.#running;
    return this.#wrong;
  }

  async #ask(): Promise<void> {
    do {
      const answer = await served();
      if (answer !== "200 good") this.#wrong.push(answer);
    } while (this.#goesOn);
  }
}

it.each(PUSHES)("$name: $verdict", async ({ type, resources, verdict }) => {
  const asking = new Asking();
  const { error } = await plane.push(type, `v${++version}`, resources(ports));
  expect(await asking.stop()).toEqual([]);
  expect(error === "" ? "ACK" : error).toMatch(verdict);
  expect(await served()).toBe("200 good");
  await serveGood();
  expect(await served()).toBe("200 good");
});

it("a name that leads to the own admin server is refused when it is connected to", async () => {
  // DNS could say so of any name.
  const cluster = staticCluster("origin", [ports.admin], { type: "STRICT_DNS" });
  const named = JSON.parse(JSON.stringify(cluster).replaceAll('"127.0.0.1"', '"localhost"'));
  const { error } = await plane.push(CLUSTER, `v${++version}`, [packed(CLUSTER, named)]);
  expect(error).toBe("");
  const failed = /^503 .*remote connection failure$/;
  await eventually("it fails", async () => failed.test(await served()));
  await serveGood();
  await eventually("it serves", async () => (await served()) === "200 good");
});

it("what is no response costs the stream, and what runs goes on", async () => {
  const before = plane.streams;
  plane.raw(Buffer.alloc(1000, 0xff));
  await eventually("another stream", async () => plane.streams > before);
  expect(await served()).toBe("200 good");
  await serveGood();
});

it("a response of a type that was never asked for is passed over", async () => {
  plane.raw(Buffer.from([0x22, 4, ...Buffer.from("evil")]));
  expect(await served()).toBe("200 good");
  await serveGood();
});

it("streams that end again and again are opened anew, with pauses that grow", async () => {
  for (let turn = 0; turn < 3; turn++) await plane.cut();
  await serveGood();
  expect(await served()).toBe("200 good");
});

it("makes no mistake of its own", () => {
  expect(program.log()).not.toMatch(/at .*\.ts:\d/);
});
