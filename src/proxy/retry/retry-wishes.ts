// hot path: no allocation per request
import { headerSet, ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import { retryGrpcOnIn, retryOnIn } from "./retry-on.ts";
import { wholeNumberIn } from "./whole-number.ts";

/**
 * Headers by which a request asks for retries itself. They come from a client that counts as
 * internal, or from a filter or a route that adds them: all others' are removed before.
 */
const ASKING = headerSet([
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
]);

/** Hostile ones are cut off: more are not looked at. */
const ENTRIES_MAX = 64;

export function wishesRetries(headers: HeaderTable): boolean {
  return headers.hasAny(ASKING);
}

/** The upstream does not get them (Envoy: RetryStateImpl::create). */
export function clearRetryHeaders(headers: HeaderTable): void {
  headers.remove(ID["x-envoy-retry-on"]);
  headers.remove(ID["x-envoy-retry-grpc-on"]);
  headers.remove(ID["x-envoy-max-retries"]);
  headers.remove(ID["x-envoy-retriable-status-codes"]);
  headers.remove(ID["x-envoy-retriable-header-names"]);
}

/** What they say: more conditions, another number, more statuses and headers of responses. */
export class RetryWishes {
  on = 0;
  /** Below 0: nothing is said. */
  retriesMax = -1;
  readonly statusCodes: number[] = [];
  /** Lower case. */
  readonly headerNames: string[] = [];

  clear(): void {
    this.on = 0;
    this.retriesMax = -1;
    this.statusCodes.length = 0;
    this.headerNames.length = 0;
  }

  take(headers: HeaderTable): void {
    this.clear();
    this.on =
      retryOnIn(headers.get(ID["x-envoy-retry-on"]) ?? "") |
      retryGrpcOnIn(headers.get(ID["x-envoy-retry-grpc-on"]) ?? "");
    this.retriesMax = wholeNumberIn(headers.get(ID["x-envoy-max-retries"]) ?? "");
    this.#takeStatuses(headers.get(ID["x-envoy-retriable-status-codes"]) ?? "");
    this.#takeNames(headers.get(ID["x-envoy-retriable-header-names"]) ?? "");
  }

  #takeStatuses(text: string): void {
    if (text === "") return;
    const entries = text.split(",", ENTRIES_MAX);
    for (let i = 0; i < entries.length; i++) {
      const status = wholeNumberIn(entries[i] as string);
      if (status >= 0) this.statusCodes.push(status);
    }
  }

  #takeNames(text: string): void {
    if (text === "") return;
    const entries = text.split(",", ENTRIES_MAX);
    for (let i = 0; i < entries.length; i++) {
      const name = (entries[i] as string).trim().toLowerCase();
      if (name !== "") this.headerNames.push(name);
    }
  }
}
