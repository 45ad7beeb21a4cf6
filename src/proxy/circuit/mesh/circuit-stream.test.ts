import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport, type Transport } from "@connectrpc/connect";
import { expect, it } from "vitest";
import { VirtualClock } from "../../../base/clock.ts";
import { SeededRandom } from "../../../base/random.ts";
import {
  type CircuitOrder,
  CircuitOrderSchema,
  type CircuitReport,
  CircuitService,
  CircuitState,
} from "../../../gen/outrigger/circuits/v1alpha1/circuits_pb.js";
import { Outbox } from "../../../xds/stream/outbox.ts";
import { CircuitStream } from "./circuit-stream.ts";
import type { CircuitNews, MeshCircuits } from "./mesh-circuits.ts";

const KEY = { circuit: "default/ratings", place: "ratings" };
const NODE = { id: "a", cluster: "", metadata: {}, userAgentName: "outrigger" };
const LOOK_MS = 100;
/** Longer than any back-off. */
const LONG_MS = 60_000;

/** Circuits whose news a test makes. */
class Circuits implements MeshCircuits {
  readonly any = true;
  readonly done: string[] = [];
  waiting: CircuitNews[] = [];
  news(): readonly CircuitNews[] {
    return this.waiting.splice(0);
  }
  openByItself(): readonly CircuitNews[] {
    return [];
  }
  openFor(_: unknown, remainingMs: number): void {
    this.done.push(`open ${remainingMs}`);
  }
  close(): void {
    this.done.push("close");
  }
}

type Serve = (reports: AsyncIterable<CircuitReport>) => AsyncIterable<CircuitOrder>;

/** A proxy, and a control plane that serves its streams so; undefined: it knows none. */
function scene(serve: Serve | undefined) {
  const clock = new VirtualClock();
  const circuits = new Circuits();
  const notices: string[] = [];
  let streams = 0;
  const counted: Serve = (reports) => {
    streams++;
    if (serve === undefined) throw new ConnectError("no such service", Code.Unimplemented);
    return serve(reports);
  };
  const transport: Transport = createRouterTransport((router) => {
    router.service(CircuitService, { streamCircuits: counted });
  });
  const onNotice = (notice: string): number => notices.push(notice);
  const random = new SeededRandom(1);
  const stream = new CircuitStream({ node: NODE, clock, random, circuits, onNotice });
  stream.connected(transport);
  const passes = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= LOOK_MS) {
      clock.advance(Math.min(left, LOOK_MS));
      await turn();
    }
  };
  return { circuits, notices, passes, stream, transport, streams: () => streams };
}

async function turn(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((later) => setImmediate(later));
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

it("does not ask a control plane again that knows no circuits, until it is another", async () => {
  const { notices, passes, stream, streams, transport } = scene(undefined);
  await passes(LOOK_MS);
  await until(() => notices.length > 0);
  await passes(LONG_MS);
  expect([streams(), notices.length]).toEqual([1, 1]);
  stream.connected(transport);
  await passes(LOOK_MS);
  await until(() => notices.length > 1);
  expect(streams()).toBe(2);
  stream.disconnected();
});

it("waits before it comes back to one that ends each stream", async () => {
  async function* ends(): AsyncGenerator<CircuitOrder> {
    yield create(CircuitOrderSchema, { ...KEY, state: CircuitState.OPEN, remainingMs: 1 });
  }
  const { notices, passes, stream, streams } = scene(ends);
  await passes(LOOK_MS);
  await until(() => notices.length > 0);
  await passes(LOOK_MS);
  expect(streams()).toBe(1);
  for (let i = 2; i < 8; i++) {
    while (streams() < i) await passes(LOOK_MS);
    await until(() => notices.length >= i);
  }
  const delays = notices.map((notice) => Number(/again in (\d+) ms/.exec(notice)?.[1]));
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(250);
  stream.disconnected();
});

it("keeps little for a control plane that does not read, and comes back to it", async () => {
  const outbox = new Outbox<CircuitOrder>();
  const { circuits, notices, passes, stream } = scene(() => outbox.drain());
  await passes(LOOK_MS);
  for (let i = 0; i < 3000 && notices.length === 0; i++) {
    circuits.waiting.push({ ...KEY, state: i % 2 === 0 ? "open" : "closed" });
    await passes(LOOK_MS);
  }
  expect(notices.join()).toContain("does not read");
  stream.disconnected();
});

it("does as it is told, and nothing where it is told nothing that it knows", async () => {
  const outbox = new Outbox<CircuitOrder>();
  const { circuits, passes, stream } = scene(() => outbox.drain());
  await passes(LOOK_MS);
  outbox.put(create(CircuitOrderSchema, { ...KEY, state: 7 as CircuitState, remainingMs: 5 }));
  outbox.put(create(CircuitOrderSchema, { ...KEY, state: CircuitState.OPEN, remainingMs: 9 }));
  outbox.put(create(CircuitOrderSchema, { ...KEY, state: CircuitState.CLOSED }));
  await until(() => circuits.done.length > 1);
  expect(circuits.done).toEqual(["open 9", "close"]);
  stream.disconnected();
});
