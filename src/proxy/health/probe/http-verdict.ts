import type { HeaderTable } from "../../../codec/http/header-table.ts";
import type { HttpHealthCheck, StatusRange } from "../../../model/upstream/health-check.ts";
import { compileStringMatch, type StringMatcher } from "../../route/string-matcher.ts";
import { ExpectedBytes } from "./expected-bytes.ts";
import type { CheckOutcome } from "./outcome.ts";

const OK: readonly StatusRange[] = [{ start: 200, end: 201 }];
const CLUSTER = "x-envoy-upstream-healthchecked-cluster";

/** Judges the answers to checks over HTTP (Envoy: HttpHealthCheckerImpl::healthCheckResult). */
export class HttpVerdict {
  readonly #config: HttpHealthCheck;
  readonly #service: StringMatcher | undefined;
  #status = 0;
  #headers: HeaderTable | undefined;
  #body = new ExpectedBytes([]);
  #room = 0;

  constructor(config: HttpHealthCheck) {
    this.#config = config;
    this.#service =
      config.serviceName === undefined ? undefined : compileStringMatch(config.serviceName);
  }

  onHead(status: number, headers: HeaderTable): void {
    const { receive, responseBufferBytes } = this.#config;
    this.#status = status;
    this.#headers = headers;
    this.#body = new ExpectedBytes(receive);
    this.#room = responseBufferBytes === 0 ? Number.POSITIVE_INFINITY : responseBufferBytes;
  }

  onBody(bytes: Buffer): void {
    if (this.#body.complete || this.#room <= 0) return;
    this.#body.read(bytes.subarray(0, Math.min(bytes.length, this.#room)));
    this.#room -= bytes.length;
  }

  /** The answer is complete. */
  outcome(): CheckOutcome {
    const { expectedStatuses, retriableStatuses } = this.#config;
    const headers = this.#headers;
    if (!within(this.#status, expectedStatuses.length === 0 ? OK : expectedStatuses)) {
      return within(this.#status, retriableStatuses) ? "retriable" : "unhealthy";
    }
    if (!this.#body.complete) return "unhealthy";
    if (this.#service?.matches(headers?.joined(CLUSTER) ?? "") === false) return "unhealthy";
    return headers?.joined("x-envoy-degraded") === undefined ? "healthy" : "degraded";
  }
}

function within(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(({ start, end }) => status >= start && status < end);
}
