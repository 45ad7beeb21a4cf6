import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import type { Clock } from "../../base/clock.ts";
import {
  type CircuitOrder as CircuitOrderMessage,
  CircuitOrderSchema,
  type CircuitReport,
  CircuitService as CircuitServiceDescriptor,
  CircuitState,
} from "../../gen/outrigger/circuits/v1alpha1/circuits_pb.js";
import type { Node } from "../../model/bootstrap.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import { decodeNode } from "../../xds/message/node.ts";
import {
  type GuardedStream,
  GuardedStreams,
  type StreamGuard,
  type StreamService,
  TRUSTING,
} from "../server/guarded-streams.ts";
import type { SnapshotSource } from "../server/snapshot-source.ts";
import { CircuitBoard, type CircuitKey, type CircuitOrder } from "./circuit-board.ts";
import { meshCircuitOf } from "./mesh-circuits.ts";

export interface CircuitServiceOptions {
  /** Says which circuits a proxy has. */
  readonly source: SnapshotSource;
  readonly clock: Clock;
}

const STREAMS_MAX = 4096;
/** So many orders may wait for a proxy beside what it was told at first. */
const WAITING_MAX = 1000;

const DEAF = new ConnectError("the proxy does not read its orders", Code.ResourceExhausted);

interface OpenStream extends GuardedStream<CircuitOrderMessage> {
  readonly node: Node;
}

/**
 * Tells proxies of each other's circuits. A proxy is heard about the circuits that its own
 * configuration has, and told of no others.
 */
export class CircuitService implements StreamService {
  readonly #source: SnapshotSource;
  readonly #board: CircuitBoard;
  readonly #streams: GuardedStreams<CircuitReport, CircuitOrderMessage, OpenStream>;

  constructor({ source, clock }: CircuitServiceOptions) {
    this.#source = source;
    this.#board = new CircuitBoard(clock);
    this.#streams = new GuardedStreams({
      streamsMax: STREAMS_MAX,
      begin: (first, parts) => this.#welcome(first, parts),
      take: (open, report) => this.#take(open, report),
    });
  }

  register(router: ConnectRouter, guard: StreamGuard = TRUSTING): void {
    router.service(CircuitServiceDescriptor, {
      streamCircuits: (reports, context) => this.#streams.serve(reports, context, guard),
    });
  }

  /** The circuits that the mesh holds open now. */
  get orders(): readonly CircuitOrder[] {
    return this.#board.orders;
  }

  end(): void {
    this.#streams.end();
  }

  #welcome(first: CircuitReport, parts: GuardedStream<CircuitOrderMessage>): OpenStream {
    if (first.node === undefined) {
      throw new ConnectError("the first report names no node", Code.InvalidArgument);
    }
    const node = decodeNode(first.node);
    parts.warden.check(node);
    const open = { ...parts, node };
    for (const order of this.#board.orders) this.#tell(open, order, messageOf(order));
    return open;
  }

  /** What the proxy's configuration does not have, as that has changed, is passed over. */
  #take(open: OpenStream, { circuit, place, state }: CircuitReport): void {
    if (circuit === "") return;
    const { node, warden } = open;
    warden.check(node);
    const policy = this.#circuitOf(node, { circuit, place });
    if (policy === undefined) return;
    const order = this.#changed({ circuit, place }, state, node.id, policy.sleepMs);
    if (order === undefined) return;
    const message = messageOf(order);
    for (const other of this.#streams.open) if (other !== open) this.#tell(other, order, message);
  }

  #changed(
    key: CircuitKey,
    state: CircuitState,
    reporter: string,
    sleepMs: number,
  ): CircuitOrder | undefined {
    if (state === CircuitState.OPEN) return this.#board.opened(key, reporter, sleepMs);
    return state === CircuitState.CLOSED ? this.#board.closed(key, reporter) : undefined;
  }

  #tell(open: OpenStream, order: CircuitOrder, message: CircuitOrderMessage): void {
    const { node, outbox, warden } = open;
    if (this.#circuitOf(node, order) === undefined) return;
    try {
      warden.check(node);
      if (outbox.waiting > WAITING_MAX + this.#board.size) throw DEAF;
      outbox.put(message);
    } catch (error) {
      this.#streams.open.delete(open);
      outbox.drop(ConnectError.from(error));
    }
  }

  #circuitOf(node: Node, key: CircuitKey): CircuitBreaker | undefined {
    const snapshot = this.#source.snapshotFor(node);
    return snapshot === undefined ? undefined : meshCircuitOf(snapshot, key);
  }
}

function messageOf(order: CircuitOrder): CircuitOrderMessage {
  const { circuit, place, reporter } = order;
  const open = order.state === "open";
  return create(CircuitOrderSchema, {
    circuit,
    place,
    reporter,
    state: open ? CircuitState.OPEN : CircuitState.CLOSED,
    remainingMs: open ? Math.ceil(order.remainingMs) : 0,
  });
}
