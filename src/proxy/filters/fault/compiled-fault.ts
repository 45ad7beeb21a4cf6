// hot path: no allocation per request
import type { Random } from "../../../base/random.ts";
import type { FaultAbort, HttpFault } from "../../../model/filter/fault.ts";
import type { Fraction } from "../../../model/filter/fraction.ts";
import type { LocalReply } from "../../reply/local-reply.ts";
import type { RequestHead } from "../../route/request-head.ts";
import { HeaderMatcher } from "../../route/route-matcher.ts";
import { FLAG_FI } from "../../telemetry/response-flags.ts";
import { numberIn, shareWithin } from "./fault-headers.ts";

const DELAY = "x-envoy-fault-delay-request";
const DELAY_SHARE = "x-envoy-fault-delay-request-percentage";
const ABORT = "x-envoy-fault-abort-request";
const ABORT_GRPC = "x-envoy-fault-abort-grpc-request";
const ABORT_SHARE = "x-envoy-fault-abort-request-percentage";
const NODE = "x-envoy-downstream-service-node";

const OK = 200;
/** Envoy keeps durations in 64 bits, of which one is the sign: longer ones delay nothing. */
const DELAY_MS_BOUND = 2 ** 63;

/** Faults of a filter, or of a route, at work (Envoy: FaultSettings). */
export class CompiledFault {
  readonly config: HttpFault;
  readonly #headers: readonly HeaderMatcher[];
  readonly #nodes: ReadonlySet<string>;
  /** What a request gets where the configuration says it; undefined: headers say it, or nobody. */
  readonly #abort: LocalReply | undefined;

  /** Throws where a pattern is not RE2. */
  constructor(config: HttpFault) {
    this.config = config;
    this.#headers = config.headers.map((match) => new HeaderMatcher(match));
    this.#nodes = new Set(config.downstreamNodes);
    this.#abort = fixedAbort(config.abort);
  }

  /** `cluster`: where the request will go. */
  concerns(request: RequestHead, cluster: string): boolean {
    const { upstreamCluster } = this.config;
    if (upstreamCluster !== "" && upstreamCluster !== cluster) return false;
    if (this.#nodes.size > 0 && !this.#nodes.has(request.header(NODE) ?? "")) return false;
    for (let i = 0; i < this.#headers.length; i++) {
      if (this.#headers[i]?.matches(request) !== true) return false;
    }
    return true;
  }

  /** How long this request is to wait; 0: not at all. */
  delayMs({ headers }: RequestHead, random: Random): number {
    const { delay } = this.config;
    if (delay === undefined) return 0;
    const { by, share } = delay;
    if (by.kind === "fixed") return isAmong(share, share.numerator, random) ? by.ms : 0;
    if (!isAmong(share, shareWithin(share, headers, DELAY_SHARE), random)) return 0;
    const ms = numberIn(headers, DELAY) ?? 0;
    return ms < DELAY_MS_BOUND ? ms : 0;
  }

  /** What it gets instead of the upstream's answer; undefined: it goes on. */
  abort({ headers }: RequestHead, random: Random): LocalReply | undefined {
    const { abort } = this.config;
    if (abort === undefined) return undefined;
    const { by, share } = abort;
    const asks = by.kind === "headers";
    const numerator = asks ? shareWithin(share, headers, ABORT_SHARE) : share.numerator;
    if (!isAmong(share, numerator, random)) return undefined;
    if (this.#abort !== undefined) return this.#abort;
    const status = numberIn(headers, ABORT);
    if (status !== undefined && status >= 200 && status < 600) return abortReply(status);
    const grpcStatus = numberIn(headers, ABORT_GRPC);
    return grpcStatus === undefined ? undefined : abortReply(OK, grpcStatus);
  }
}

function fixedAbort(abort: FaultAbort | undefined): LocalReply | undefined {
  if (abort?.by.kind === "http") return abortReply(abort.by.status);
  return abort?.by.kind === "grpc" ? abortReply(OK, abort.by.status) : undefined;
}

function abortReply(status: number, grpcStatus?: number): LocalReply {
  const body = "fault filter abort";
  const reply = { status, body, flag: FLAG_FI, details: "fault_filter_abort", clusterStatus: 0 };
  return grpcStatus === undefined ? reply : Object.assign(reply, { grpcStatus });
}

/** Envoy: ProtobufPercentHelper::evaluateFractionalPercent. */
function isAmong({ denominator }: Fraction, numerator: number, random: Random): boolean {
  if (numerator === 0) return false;
  return numerator >= denominator || random.below(denominator) < numerator;
}
