import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import type { Clock, Timer } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import {
  type CircuitOrder,
  type CircuitReport,
  CircuitReportSchema,
  CircuitService,
  CircuitState,
} from "../../../gen/outrigger/circuits/v1alpha1/circuits_pb.js";
import type { Node } from "../../../model/bootstrap.ts";
import { encodeNode } from "../../../xds/message/node.ts";
import { Outbox } from "../../../xds/stream/outbox.ts";
import { StreamBackOff } from "../../ads/stream-back-off.ts";
import type { CircuitNews, MeshCircuits } from "./mesh-circuits.ts";

export interface CircuitStreamOptions {
  readonly node: Node;
  readonly clock: Clock;
  readonly random: Random;
  readonly circuits: MeshCircuits;
  /** Hears what a log should. */
  onNotice?(notice: string): void;
}

/** How often is looked whether circuits have changed, or have come at all. */
const LOOK_MS = 100;
/** A control plane for which so many reports wait has stopped reading. */
const WAITING_MAX = 1000;

/**
 * The second stream to the control plane, on the connection of the first: tells what circuits of
 * the whole mesh do here, and does as other proxies' did. Without it each proxy goes on by itself.
 */
export class CircuitStream {
  readonly #options: CircuitStreamOptions;
  readonly #backOff: StreamBackOff;
  #transport: Transport | undefined;
  #outbox: Outbox<CircuitReport> | undefined;
  #abort = new AbortController();
  #look: Timer | undefined;
  /** No stream is tried before. */
  #notBeforeMs = 0;

  constructor(options: CircuitStreamOptions) {
    this.#options = options;
    this.#backOff = new StreamBackOff(options.random);
  }

  /** The control plane can be reached over this. */
  connected(transport: Transport): void {
    this.disconnected();
    this.#transport = transport;
    this.#notBeforeMs = 0;
    this.#lookLater();
  }

  /** That connection is no more. */
  disconnected(): void {
    this.#transport = undefined;
    this.#look?.cancel();
    this.#end();
  }

  #lookLater(): void {
    this.#look = this.#options.clock.after(LOOK_MS, () => {
      this.#lookNow();
      this.#lookLater();
    });
  }

  /** A stream is opened for the first circuit, and stays. */
  #lookNow(): void {
    const { circuits, clock } = this.#options;
    if (this.#outbox === undefined) {
      if (circuits.any && clock.now() >= this.#notBeforeMs) void this.#open();
      return;
    }
    for (const news of circuits.news()) this.#outbox.put(reportOf(news));
    if (this.#outbox.waiting <= WAITING_MAX) return;
    const error = new ConnectError("the control plane does not read", Code.ResourceExhausted);
    this.#outbox.drop(error);
    this.#lost(this.#outbox, error);
  }

  async #open(): Promise<void> {
    const { circuits, node } = this.#options;
    const outbox = new Outbox<CircuitReport>();
    const abort = new AbortController();
    this.#outbox = outbox;
    this.#abort = abort;
    outbox.put(create(CircuitReportSchema, { node: encodeNode(node) }));
    circuits.news();
    for (const news of circuits.openByItself()) outbox.put(reportOf(news));
    try {
      const client = createClient(CircuitService, this.#transport as Transport);
      const { signal } = abort;
      for await (const order of client.streamCircuits(outbox.drain(), { signal })) {
        this.#backOff.reset();
        this.#obey(order);
      }
      this.#lost(outbox, new ConnectError("the control plane ended it", Code.Unavailable));
    } catch (error) {
      this.#lost(outbox, ConnectError.from(error));
    }
  }

  #obey({ circuit, place, remainingMs, state }: CircuitOrder): void {
    const { circuits } = this.#options;
    if (state === CircuitState.OPEN) circuits.openFor({ circuit, place }, remainingMs);
    else if (state === CircuitState.CLOSED) circuits.close({ circuit, place });
  }

  /** A control plane that knows no such stream is not asked again on this connection. */
  #lost(outbox: Outbox<CircuitReport>, error: ConnectError): void {
    if (this.#outbox !== outbox) return;
    const known = error.code !== Code.Unimplemented;
    const delayMs = known ? this.#backOff.next() : Number.POSITIVE_INFINITY;
    this.#end();
    this.#notBeforeMs = this.#options.clock.now() + delayMs;
    const then = known ? `again in ${delayMs} ms` : "each proxy goes on by itself";
    this.#options.onNotice?.(`stream of circuits lost (${error.rawMessage}); ${then}`);
  }

  #end(): void {
    this.#outbox?.end();
    this.#outbox = undefined;
    this.#abort.abort();
  }
}

function reportOf({ circuit, place, state }: CircuitNews): CircuitReport {
  const open = state === "open";
  return create(CircuitReportSchema, {
    circuit,
    place,
    state: open ? CircuitState.OPEN : CircuitState.CLOSED,
  });
}
