import type { FailureAccrual } from "../../model/upstream/failure-accrual.ts";
import type { Host } from "../cluster/host.ts";
import type { HostJudge } from "../cluster/host-monitor.ts";
import { AccrualMemory } from "./accrual-memory.ts";
import type { AccrualStats } from "./accrual-stats.ts";
import {
  type AccrualContext,
  circuitCellsOf,
  EndpointAccrual,
  type ShutListener,
} from "./endpoint-accrual.ts";

/** Shuts endpoints of a cluster as Linkerd does, each by itself. */
export class AccrualJudge implements HostJudge {
  readonly #accrual: FailureAccrual;
  readonly #context: AccrualContext;
  readonly #stats: AccrualStats;
  readonly #listener: ShutListener;
  readonly #memory: AccrualMemory | undefined;
  #endpoints: ReadonlyMap<Host, EndpointAccrual> = new Map();

  /** `listener`: hears when hosts may be picked, or no more. `memory`: of several threads. */
  constructor(
    accrual: FailureAccrual,
    context: AccrualContext,
    stats: AccrualStats,
    listener: ShutListener,
    memory?: Int32Array<SharedArrayBuffer>,
  ) {
    this.#accrual = accrual;
    this.#context = context;
    this.#stats = stats;
    this.#listener = listener;
    this.#memory = memory && new AccrualMemory(memory, circuitCellsOf(accrual));
  }

  follow(hosts: Iterable<Host>): void {
    const before = new Map(this.#endpoints);
    const kept = new Map<Host, EndpointAccrual>();
    const fresh: Host[] = [];
    for (const host of hosts) {
      const known = before.get(host);
      if (known === undefined) fresh.push(host);
      else kept.set(host, known);
      before.delete(host);
    }
    const predecessors = new Map([...before].map(([host, known]) => [host.key, known]));
    for (const host of fresh) kept.set(host, this.#succeed(host, predecessors));
    for (const gone of predecessors.values()) gone.stop();
    this.#endpoints = kept;
  }

  stop(): void {
    for (const endpoint of this.#endpoints.values()) endpoint.stop();
    this.#endpoints = new Map();
  }

  /** What is known of an endpoint goes on where its host is replaced. */
  #succeed(host: Host, predecessors: Map<string, EndpointAccrual>): EndpointAccrual {
    const known = predecessors.get(host.key);
    predecessors.delete(host.key);
    known?.moveTo(host);
    return (
      known ??
      new EndpointAccrual(host, this.#accrual, {
        ...this.#context,
        stats: this.#stats,
        listener: this.#listener,
        memory: this.#memory,
      })
    );
  }
}
