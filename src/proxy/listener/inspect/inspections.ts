import type { Listener, ProxyProtocolFilter } from "../../../model/listener.ts";
import type { ProxyContext } from "../../cluster/upstream-cluster.ts";
import type { ListenerStats } from "../../telemetry/envoy/listener-stats.ts";
import type { Accepted } from "../accepted.ts";
import { Peek, type Peeked, type PeekOwner } from "../first-bytes.ts";
import { HeaderPeek, type HeaderPeekOwner } from "./header-peek.ts";

/** What is asked of a connection's first bytes. */
export interface Asked {
  readonly hello: boolean;
  readonly request: boolean;
}

interface Inspection {
  destroy(): void;
}

/** A listener's connections whose first bytes are waited for, before anybody serves them. */
export class Inspections {
  readonly #context: ProxyContext;
  readonly #stats: ListenerStats;
  readonly #onFault: (accepted: Accepted, error: unknown) => void;
  readonly #pending = new Set<Inspection>();

  constructor(
    context: ProxyContext,
    stats: ListenerStats,
    onFault: (accepted: Accepted, error: unknown) => void,
  ) {
    this.#context = context;
    this.#stats = stats;
    this.#onFault = onFault;
  }

  get size(): number {
    return this.#pending.size;
  }

  destroy(): void {
    for (const inspection of this.#pending) inspection.destroy();
  }

  /** Somebody else's connection, who is named before anything else is said; `then`: the rest. */
  readHeader(
    accepted: Accepted,
    filter: ProxyProtocolFilter,
    config: Listener,
    then: (rest: Buffer) => void,
  ): void {
    const { clock, telemetry } = this.#context;
    const owner: HeaderPeekOwner = {
      onHeader: (rest) => {
        this.#settle(peek);
        then(rest);
      },
      onHeaderTimeout: () => this.#late(peek, config),
      onHeaderFailed: (gone) => {
        this.#settle(peek);
        if (gone) this.#stats.count("downstream_listener_filter_remote_close");
      },
      onFault: (error) => this.#onFault(accepted, error),
    };
    const stats = telemetry.proxyProtocol(filter.statPrefix);
    const { listenerFiltersTimeoutMs: timeoutMs } = config;
    const peek = new HeaderPeek(accepted, owner, { filter, stats, clock, timeoutMs });
    this.#begin(peek);
    peek.start();
  }

  /** Reads until it is plain which chain is wanted. `first`: what was read already. */
  peek(
    accepted: Accepted,
    first: Buffer,
    asked: Asked,
    config: Listener,
    then: (peeked: Peeked) => void,
  ): void {
    const { clock, telemetry } = this.#context;
    const owner: PeekOwner = {
      onPeeked: (peeked, complete) => {
        this.#settle(peek);
        if (complete) this.#countPeeked(peeked, asked, config);
        then(peeked);
      },
      onPeekTimeout: () => this.#late(peek, config),
      onPeekFailed: (why) => {
        this.#settle(peek);
        if (why === "gone") this.#stats.count("downstream_listener_filter_remote_close");
        else telemetry.inspectors.countTls("client_hello_too_large");
      },
      onFault: (error) => this.#onFault(accepted, error),
    };
    const timeoutMs = leftOf(config.listenerFiltersTimeoutMs, accepted.inspectedMs);
    const peek = new Peek(accepted, owner, { clock, timeoutMs, ...asked });
    this.#begin(peek);
    peek.start(first);
  }

  #begin(inspection: Inspection): void {
    this.#pending.add(inspection);
    this.#stats.count("downstream_pre_cx_active");
  }

  #settle(inspection: Inspection): void {
    if (this.#pending.delete(inspection)) this.#stats.count("downstream_pre_cx_active", -1);
  }

  /** True where the listener goes on without what it has waited for. */
  #late(inspection: Inspection, { continueOnListenerFiltersTimeout }: Listener): boolean {
    this.#settle(inspection);
    this.#stats.count("downstream_pre_cx_timeout");
    return continueOnListenerFiltersTimeout;
  }

  #countPeeked({ hello, says }: Peeked, asked: Asked, { listenerFilters }: Listener): void {
    const { inspectors } = this.#context.telemetry;
    if (asked.hello && listenerFilters.includes("tlsInspector")) inspectors.helloRead(hello);
    if (!asked.request || hello !== undefined || !listenerFilters.includes("httpInspector")) return;
    inspectors.requestRead(says.applicationProtocols[0] ?? "");
  }
}

/** 0 is no bound. */
function leftOf(timeoutMs: number, goneMs: number): number {
  return timeoutMs === 0 ? 0 : Math.max(1, timeoutMs - goneMs);
}
