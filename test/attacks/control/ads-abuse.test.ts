/** What a client of the control plane can do to it and to the others. */
import { connect } from "node:net";
import { status } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { type AdsServer, startAdsServer } from "../../../src/control/server/ads-server.ts";
import type { Snapshot, SnapshotSource } from "../../../src/control/server/snapshot-source.ts";
import { socketAddress } from "../../../src/model/address.ts";
import { eventually } from "../../support/envoy-process.ts";
import { oneClusterSnapshot } from "../../support/sample-snapshot.ts";
import { HostileProxy } from "./hostile-proxy.ts";

const CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const ENDPOINT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
const FLAPS = 300;

class HandMade implements SnapshotSource {
  #snapshot: Snapshot | undefined;
  readonly #listeners = new Set<() => void>();

  set(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const listener of this.#listeners) listener();
  }

  snapshotFor(): Snapshot | undefined {
    return this.#snapshot;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

let source: HandMade;
let server: AdsServer;
let version = 0;
let opened: HostileProxy[] = [];

beforeAll(async () => {
  source = new HandMade();
  changes();
  const address = socketAddress("127.0.0.1", 0);
  server = await startAdsServer({ address, source, clock: systemClock });
});

/** Nobody is the worse for it: another client is served, and nothing of the attacker is left. */
afterEach(async () => {
  for (const attacker of opened) attacker.leave();
  opened = [];
  const other = HostileProxy.open(server.address.port);
  other.ask({ typeUrl: CLUSTER, node: "well-behaved" });
  expect(await other.sees(1)).toBe(true);
  expect(other.responses[0]?.resources.length).toBe(1);
  other.leave();
  await eventually("all streams are gone", async () => server.status().length === 0);
});

afterAll(() => server.stop());

function changes(): void {
  source.set(oneClusterSnapshot(`${++version}`, 80, "a", [9000 + version]));
}

function attacker(beside?: HostileProxy): HostileProxy {
  const one = HostileProxy.open(server.address.port, beside);
  opened.push(one);
  return one;
}

it("a request of 9 MB ends its stream", async () => {
  const one = attacker();
  one.raw(Buffer.alloc(9 * 1024 * 1024, 0x0a));
  expect(await one.end()).toBe(status.RESOURCE_EXHAUSTED);
});

it("bytes that are no request end their stream", async () => {
  const one = attacker();
  one.raw(Buffer.alloc(100, 0xff));
  expect([status.INVALID_ARGUMENT, status.INTERNAL]).toContain(await one.end());
});

it("names without number end their stream, and 10,000 do not", async () => {
  const many = attacker();
  many.ask({ typeUrl: ENDPOINT, names: Array.from({ length: 10_000 }, (_, i) => `n${i}`) });
  many.ask({ typeUrl: CLUSTER });
  expect(await many.sees(1)).toBe(true);
  const more = attacker();
  more.ask({ typeUrl: ENDPOINT, names: Array.from({ length: 100_001 }, (_, i) => `n${i}`) });
  expect(await more.end()).toBe(status.RESOURCE_EXHAUSTED);
});

it("10,000 types that nobody knows are passed over", async () => {
  const one = attacker();
  for (let i = 0; i < 10_000; i++) one.ask({ typeUrl: `evil.Type${i}` });
  one.ask({ typeUrl: CLUSTER });
  expect(await one.sees(1)).toBe(true);
  expect(one.responses.map(({ typeUrl }) => typeUrl)).toEqual([CLUSTER]);
});

it("names of Object's prototype are names", async () => {
  const one = attacker();
  one.ask({ typeUrl: ENDPOINT, names: ["__proto__", "constructor", "a"], node: "__proto__" });
  expect(await one.sees(1)).toBe(true);
  expect(one.responses[0]?.resources.length).toBe(1);
});

it("a storm of subscriptions is answered once an acknowledgement, not once a request", async () => {
  const one = attacker();
  for (let i = 0; i < 2000; i++) one.ask({ typeUrl: ENDPOINT, names: ["a", `n${i}`] });
  one.ask({ typeUrl: CLUSTER });
  expect(await one.sees(2)).toBe(true);
  expect(one.responses.length).toBe(2);
});

it("who never acknowledges is sent one response of a type, whatever changes", async () => {
  const one = attacker();
  one.ask({ typeUrl: CLUSTER });
  expect(await one.sees(1)).toBe(true);
  for (let i = 0; i < 100; i++) changes();
  one.ask({ typeUrl: ENDPOINT, names: ["a"] });
  expect(await one.sees(2)).toBe(true);
  expect(one.responses.filter(({ typeUrl }) => typeUrl === CLUSTER).length).toBe(1);
});

it("nonces of nobody are passed over", async () => {
  const one = attacker();
  one.ask({ typeUrl: CLUSTER });
  expect(await one.sees(1)).toBe(true);
  for (let i = 0; i < 1000; i++) one.ask({ typeUrl: CLUSTER, nonce: `evil${i}`, version: "99" });
  changes();
  one.ask({ typeUrl: ENDPOINT, names: ["a"] });
  expect(await one.sees(2)).toBe(true);
  expect(one.responses.length).toBe(2);
  expect(server.status()[0]?.types[0]?.acknowledged).toBe("");
});

it("a refusal of a megabyte is kept in part", async () => {
  const one = attacker();
  one.ask({ typeUrl: CLUSTER });
  for (let turn = 1; turn <= 5; turn++) {
    expect(await one.sees(turn)).toBe(true);
    const nonce = one.responses.at(-1)?.nonce ?? "";
    one.ask({ typeUrl: CLUSTER, nonce, error: `${turn}${"e".repeat(1_000_000)}` });
    const rejection = (): string => server.status()[0]?.types[0]?.rejection ?? "";
    await eventually("it is told", async () => rejection().startsWith(`${turn}e`));
    expect(rejection().length).toBeLessThan(10_000);
    source.set(oneClusterSnapshot(`${++version}`, 80, `a${turn}`, [9000]));
  }
  changes();
});

it("a connection has 16 streams at once", async () => {
  const first = attacker();
  first.ask({ typeUrl: CLUSTER });
  await first.sees(1);
  const others = Array.from({ length: 40 }, () => attacker(first));
  for (const other of others) other.ask({ typeUrl: CLUSTER });
  await eventually("16 are served", async () => server.status().length === 16);
  for (const other of others) other.cancel();
});

it(`${FLAPS} streams that come and go leave nothing behind`, async () => {
  for (let i = 0; i < FLAPS; i += 10) {
    const some = Array.from({ length: 10 }, () => HostileProxy.open(server.address.port));
    for (const one of some) one.ask({ typeUrl: CLUSTER });
    for (const one of some) one.leave();
  }
});

it("what is no HTTP/2 ends its connection", async () => {
  const socket = connect(server.address.port, "127.0.0.1");
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  socket.resume();
  await closed;
});
