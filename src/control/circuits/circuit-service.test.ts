import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { expect, it, onTestFinished } from "vitest";
import { edsCluster, oneClusterSnapshot } from "../../../test/support/sample-snapshot.ts";
import { SettableSource } from "../../../test/support/settable-source.ts";
import { VirtualClock } from "../../base/clock.ts";
import {
  type CircuitOrder,
  type CircuitReport,
  CircuitReportSchema,
  CircuitService as CircuitServiceDescriptor,
  CircuitState,
} from "../../gen/outrigger/circuits/v1alpha1/circuits_pb.js";
import { formatAddress, socketAddress } from "../../model/address.ts";
import { CIRCUIT_DEFAULTS } from "../../model/resilience/circuit-bounds.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import { encodeNode } from "../../xds/message/node.ts";
import { Outbox } from "../../xds/stream/outbox.ts";
import { servePlain } from "../server/ads-server.ts";
import { AdsService } from "../server/ads-service.ts";
import { CircuitService } from "./circuit-service.ts";
import { meshCircuitOf } from "./mesh-circuits.ts";

const CIRCUIT: CircuitBreaker = { ...CIRCUIT_DEFAULTS, name: "default/ratings", scope: "mesh" };

/** A proxy's stream of circuits. */
class Stream {
  readonly #outbox = new Outbox<CircuitReport>();
  readonly #orders: AsyncIterator<CircuitOrder>;

  constructor(url: string, id: string) {
    const sessionManager = new Http2SessionManager(url);
    const transport = createGrpcTransport({ baseUrl: url, sessionManager });
    const client = createClient(CircuitServiceDescriptor, transport);
    this.#orders = client.streamCircuits(this.#outbox.drain())[Symbol.asyncIterator]();
    onTestFinished(async () => {
      this.#outbox.end();
      await this.rest().catch(() => undefined);
      sessionManager.abort();
    });
    const node = encodeNode({ id, cluster: "", metadata: {}, userAgentName: "outrigger" });
    this.#outbox.put(create(CircuitReportSchema, { node }));
  }

  report(circuit: string, place: string, state: CircuitState): void {
    this.#outbox.put(create(CircuitReportSchema, { circuit, place, state }));
  }

  async next(): Promise<CircuitOrder> {
    return (await this.#orders.next()).value;
  }

  async rest(): Promise<void> {
    while ((await this.#orders.next()).done !== true);
  }
}

async function scene(): Promise<{ url: string }> {
  const source = new SettableSource();
  const clock = new VirtualClock();
  const snapshot = oneClusterSnapshot("1", 80, "ratings", [9001]);
  source.set({ ...snapshot, clusters: [{ ...edsCluster("ratings"), circuit: CIRCUIT }] });
  const circuits = new CircuitService({ source, clock });
  const ads = new AdsService({ source, clock });
  const server = await servePlain(ads, socketAddress("127.0.0.1", 0), [circuits]);
  onTestFinished(() => server.stop());
  return { url: `http://${formatAddress(server.address)}` };
}

it("tells the other proxies, and whoever comes later, of a circuit that has opened", async () => {
  const { url } = await scene();
  const [first, second] = [new Stream(url, "first"), new Stream(url, "second")];
  first.report("default/ratings", "ratings", CircuitState.OPEN);
  const order = { circuit: "default/ratings", place: "ratings", reporter: "first" };
  expect(await second.next()).toMatchObject({ ...order, state: CircuitState.OPEN });
  const third = new Stream(url, "third");
  expect(await third.next()).toMatchObject({ ...order, remainingMs: 5000 });
  third.report("default/ratings", "ratings", CircuitState.CLOSED);
  expect(await second.next()).toMatchObject({ reporter: "third", state: CircuitState.CLOSED });
  expect(await first.next()).toMatchObject({ reporter: "third", state: CircuitState.CLOSED });
});

it("tells a proxy of another one that has the same name", async () => {
  const { url } = await scene();
  const [first, second] = [new Stream(url, "same"), new Stream(url, "same")];
  first.report("default/ratings", "ratings", CircuitState.OPEN);
  expect(await second.next()).toMatchObject({ place: "ratings", state: CircuitState.OPEN });
  first.report("default/ratings", "ratings", CircuitState.CLOSED);
  expect(await second.next()).toMatchObject({ place: "ratings", state: CircuitState.CLOSED });
});

it("keeps nothing for a proxy that does not read, however much there is to tell", async () => {
  const { url } = await scene();
  const [first, deaf, witness] = [1, 2, 3].map((id) => new Stream(url, `proxy ${id}`));
  if (first === undefined || deaf === undefined || witness === undefined) throw new Error("three");
  first.report("default/ratings", "ratings", CircuitState.OPEN);
  await deaf.next();
  await witness.next();
  for (let i = 0; i < 5000; i++) {
    const state = i % 2 === 0 ? CircuitState.CLOSED : CircuitState.OPEN;
    first.report("default/ratings", "ratings", state);
    expect(await witness.next()).toMatchObject({ state });
  }
  await expect(deaf.rest()).rejects.toThrow("does not read");
});

it("hears nobody about circuits that its configuration does not have", async () => {
  const { url } = await scene();
  const [first, second] = [new Stream(url, "first"), new Stream(url, "second")];
  first.report("default/other", "ratings", CircuitState.OPEN);
  first.report("default/ratings", "other", CircuitState.OPEN);
  first.report("default/ratings", "ratings", CircuitState.OPEN);
  expect(await second.next()).toMatchObject({ circuit: "default/ratings", place: "ratings" });
});

it("knows no circuits that are each caller's own", () => {
  const snapshot = oneClusterSnapshot("1", 80, "ratings", [9001]);
  const key = { circuit: CIRCUIT.name, place: "ratings" };
  const withScope = (scope: CircuitBreaker["scope"]) => {
    const cluster = { ...edsCluster("ratings"), circuit: { ...CIRCUIT, scope } };
    return meshCircuitOf({ ...snapshot, clusters: [cluster] }, key);
  };
  expect(withScope("mesh")).toMatchObject({ sleepMs: 5000 });
  expect(withScope("caller")).toBeUndefined();
});

it("knows a rule's circuit by its rule, whatever its routes are called", () => {
  const snapshot = oneClusterSnapshot("1", 80, "ratings", [9001]);
  const rule = "HTTPRoute default/ratings spec.rules[0]";
  const circuit = { ...CIRCUIT, rule };
  const routes = snapshot.routes.map((config) => ({
    ...config,
    virtualHosts: config.virtualHosts.map((host) => ({
      ...host,
      routes: host.routes.flatMap((route) => [
        { ...route, name: "", circuit },
        { ...route, name: "b", circuit },
      ]),
    })),
  }));
  expect(routes).not.toEqual([]);
  const asked = (place: string) =>
    meshCircuitOf({ ...snapshot, routes }, { circuit: CIRCUIT.name, place });
  expect(asked(rule)).toMatchObject({ rule });
  expect(asked("b")).toBeUndefined();
});
