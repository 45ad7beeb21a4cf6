// hot path: no allocation per request

/**
 * Conditions of a retry as bits (Envoy: RetryPolicy::RETRY_ON_*). Bit `GRPC_AT + n` stands for
 * gRPC's status `n` in the head of a response.
 */
export const ON_5XX = 1;
export const ON_GATEWAY_ERROR: number = 1 << 1;
export const ON_CONNECT_FAILURE: number = 1 << 2;
export const ON_RATE_LIMITED: number = 1 << 3;
export const ON_4XX: number = 1 << 4;
export const ON_REFUSED_STREAM: number = 1 << 5;
export const ON_STATUS_CODES: number = 1 << 6;
export const ON_HEADERS: number = 1 << 7;
export const ON_RESET: number = 1 << 8;
export const ON_RESET_BEFORE_REQUEST: number = 1 << 9;
/** Of gRPC's 17 statuses only those up to 14 can be named. */
const GRPC_AT = 12;

/** Envoy's words for `x-envoy-retry-on`. */
const HTTP_WORDS: ReadonlyMap<string, number> = new Map([
  ["5xx", ON_5XX],
  ["gateway-error", ON_GATEWAY_ERROR],
  ["connect-failure", ON_CONNECT_FAILURE],
  ["envoy-ratelimited", ON_RATE_LIMITED],
  ["retriable-4xx", ON_4XX],
  ["refused-stream", ON_REFUSED_STREAM],
  ["retriable-status-codes", ON_STATUS_CODES],
  ["retriable-headers", ON_HEADERS],
  ["reset", ON_RESET],
  ["reset-before-request", ON_RESET_BEFORE_REQUEST],
  // Cannot come true without HTTP/3.
  ["http3-post-connect-failure", 0],
]);

/** Those for `x-envoy-retry-grpc-on`. */
const GRPC_WORDS: ReadonlyMap<string, number> = new Map([
  ["cancelled", 1 << (GRPC_AT + 1)],
  ["deadline-exceeded", 1 << (GRPC_AT + 4)],
  ["resource-exhausted", 1 << (GRPC_AT + 8)],
  ["internal", 1 << (GRPC_AT + 13)],
  ["unavailable", 1 << (GRPC_AT + 14)],
]);

const ANY_GRPC: number = [...GRPC_WORDS.values()].reduce((all, bit) => all | bit, 0);

/** The bits of a policy's words, which may be of both kinds; words that are neither say nothing. */
export function retryOnOf(words: readonly string[]): number {
  let on = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    on |= (HTTP_WORDS.get(word) ?? 0) | (GRPC_WORDS.get(word) ?? 0);
  }
  return on;
}

/** Those of `x-envoy-retry-on`. */
export function retryOnIn(text: string): number {
  return bitsIn(text, HTTP_WORDS);
}

/** Those of `x-envoy-retry-grpc-on`. */
export function retryGrpcOnIn(text: string): number {
  return bitsIn(text, GRPC_WORDS);
}

/** Whether some gRPC status is among the conditions at all. */
export function asksForGrpc(on: number): boolean {
  return (on & ANY_GRPC) !== 0;
}

/** Whether this gRPC status is; below 0: there is none. */
export function namesGrpc(on: number, status: number): boolean {
  return status >= 0 && status <= 14 && (on & ANY_GRPC & (1 << (GRPC_AT + status))) !== 0;
}

function bitsIn(text: string, words: ReadonlyMap<string, number>): number {
  let on = 0;
  let at = 0;
  while (at <= text.length) {
    const comma = text.indexOf(",", at);
    const end = comma < 0 ? text.length : comma;
    on |= words.get(text.slice(at, end).trim()) ?? 0;
    at = end + 1;
  }
  return on;
}
