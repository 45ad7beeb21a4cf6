// hot path: no allocation per request
import type { Timer } from "../../../base/clock.ts";
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import type { ExchangeParts } from "../../exchange-source.ts";
import { contained, type FaultOwner } from "../../faults.ts";
import type { LocalReply } from "../../reply/local-reply.ts";
import type { FaultStats } from "../../telemetry/envoy/filter/fault-stats.ts";
import { FLAG_DI } from "../../telemetry/response-flags.ts";
import type { FilterVerdict, HttpFilter, HttpFilterFactory } from "../http-filter.ts";
import type { ActiveFaults } from "./active-faults.ts";
import type { CompiledFault } from "./compiled-fault.ts";

/** Envoy: envoy.filters.http.fault: requests wait, or get no further, so that it can be seen. */
export class FaultFilterFactory implements HttpFilterFactory {
  readonly #own: CompiledFault;
  readonly #active: ActiveFaults;
  readonly #stats: FaultStats;

  constructor(own: CompiledFault, active: ActiveFaults, stats: FaultStats) {
    this.#own = own;
    this.#active = active;
    this.#stats = stats;
  }

  create(exchange: ExchangeParts): HttpFilter {
    return new FaultFilter(exchange, this.#own, this.#active, this.#stats);
  }
}

class FaultFilter implements HttpFilter, FaultOwner {
  readonly #exchange: ExchangeParts;
  readonly #own: CompiledFault;
  readonly #active: ActiveFaults;
  readonly #stats: FaultStats;
  #fault: CompiledFault;
  #timer: Timer | undefined;
  /** This request counts as one fault, however many it has. */
  #counted = false;

  constructor(
    exchange: ExchangeParts,
    own: CompiledFault,
    active: ActiveFaults,
    stats: FaultStats,
  ) {
    this.#exchange = exchange;
    this.#own = own;
    this.#active = active;
    this.#stats = stats;
    this.#fault = own;
  }

  onRequest(): FilterVerdict {
    const { down, request, routing } = this.#exchange;
    const { random } = down.hcm.context;
    const fault = routing.route?.fault ?? this.#own;
    this.#fault = fault;
    const { upstreamCluster } = fault.config;
    const cluster = upstreamCluster === "" ? "" : routing.expectedCluster(random);
    if (!fault.concerns(request, cluster)) return undefined;
    const delayMs = fault.delayMs(request, random);
    return delayMs > 0 && this.#begin() ? this.#wait(delayMs) : this.#abort();
  }

  #wait(delayMs: number): FilterVerdict {
    const { account, down } = this.#exchange;
    const onEnd = contained(this as FaultFilter, this.#onDelayed);
    this.#timer = down.hcm.context.clock.after(delayMs, onEnd);
    this.#stats.count("delays_injected");
    account.flags |= FLAG_DI;
    return "wait";
  }

  #onDelayed(): void {
    this.#timer = undefined;
    this.#exchange.filters.resume(this.#abort());
  }

  #abort(): LocalReply | undefined {
    const { down, request } = this.#exchange;
    const reply = this.#fault.abort(request, down.hcm.context.random);
    if (reply === undefined || !this.#begin()) return undefined;
    this.#stats.count("aborts_injected");
    return reply;
  }

  /** False where there are too many faults at this moment. */
  #begin(): boolean {
    if (this.#counted) return true;
    if (!this.#active.take(this.#fault.config.maxActiveFaults)) {
      this.#stats.count("faults_overflow");
      return false;
    }
    this.#counted = true;
    this.#stats.active(1);
    return true;
  }

  onAbandoned(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  onEnd(): void {
    if (!this.#counted) return;
    this.#counted = false;
    this.#active.release();
    this.#stats.active(-1);
  }

  onResponse(_headers: HeaderTable): void {
    // Answers are left as they are.
  }

  onFault(error: unknown): void {
    this.#exchange.down.onFault(error);
  }
}
