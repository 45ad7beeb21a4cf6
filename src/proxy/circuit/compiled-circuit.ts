// hot path: no allocation per request
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import type { StatusRange } from "../../model/upstream/health-check.ts";
import type { LocalReply } from "../reply/local-reply.ts";
import { FLAG_UO } from "../telemetry/response-flags.ts";
import type { CircuitStats } from "./circuit-stats.ts";
import type { CompiledFallback } from "./fallback.ts";
import type { SharedCircuit } from "./shared-circuit.ts";

const MS_PER_S = 1000;
/** Hystrix's `fallback.isolation.semaphore.maxConcurrentRequests`. */
const FALLBACKS_MIN = 10;

/** A circuit as requests meet it. */
export class CompiledCircuit {
  readonly policy: CircuitBreaker;
  readonly circuit: SharedCircuit;
  readonly stats: CircuitStats;
  readonly fallback: CompiledFallback | undefined;
  /** Calls at one time. */
  readonly callsMax: number;
  /** Calls to a fallback cluster at one time: as many as calls, and no fewer than Hystrix's 10. */
  readonly fallbacksMax: number;
  /** Response code details of a call that was made, and whose failure the client does not see. */
  readonly fallbackDetails: string;
  readonly #open: LocalReply;
  readonly #full: LocalReply;

  constructor(
    policy: CircuitBreaker,
    circuit: SharedCircuit,
    stats: CircuitStats,
    fallback: CompiledFallback | undefined,
  ) {
    this.policy = policy;
    this.circuit = circuit;
    this.stats = stats;
    this.fallback = fallback;
    this.callsMax = policy.maxConcurrent ?? Number.POSITIVE_INFINITY;
    this.fallbacksMax = Math.max(FALLBACKS_MIN, policy.maxConcurrent ?? 0);
    this.fallbackDetails = `circuit_fallback{${policy.name}}`;
    this.#open = refuseAs(policy, "circuit_open", "is open");
    this.#full = refuseAs(policy, "circuit_bulkhead_full", "has no room for another call");
  }

  isErrorStatus(status: number): boolean {
    return isIn(this.policy.errors.statuses, status);
  }

  /** `status`: of gRPC. */
  isErrorGrpc(status: number): boolean {
    return status > 0 && this.policy.errors.grpc.includes(status);
  }

  isSlow(tookMs: number): boolean {
    const { slowerThanMs } = this.policy.errors;
    return slowerThanMs !== undefined && tookMs > slowerThanMs;
  }

  /** The answer to a call that an open circuit does not let through. */
  refuseOpen(nowMs: number): LocalReply {
    const { circuit, policy } = this;
    if (!policy.explains || circuit.state !== "open") return this.#open;
    // Who may know of the circuit may as well know when to come again.
    const leftS = Math.ceil((circuit.openUntil - nowMs) / MS_PER_S);
    const again = ["retry-after", String(Math.max(1, leftS))] as const;
    return { ...this.#open, headers: [...(this.#open.headers ?? []), again] };
  }

  /** The answer to a call for which there is no room. */
  refuseFull(): LocalReply {
    return this.#full;
  }
}

function isIn(ranges: readonly StatusRange[], status: number): boolean {
  for (let i = 0; i < ranges.length; i++) {
    const { start, end } = ranges[i] as StatusRange;
    if (status >= start && status < end) return true;
  }
  return false;
}

function refuseAs({ explains, name }: CircuitBreaker, why: string, says: string): LocalReply {
  const reply: LocalReply = {
    status: 503,
    body: `circuit ${name} ${says}`,
    flag: FLAG_UO,
    details: `${why}{${name}}`,
  };
  return explains ? { ...reply, headers: [["x-outrigger-circuit", name]] } : reply;
}
