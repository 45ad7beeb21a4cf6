import type { RequestMessage } from "../../../codec/http/message.ts";
import type { RequestHead } from "../../route/request-head.ts";

/** A request that a kept answer may answer, or whose answer may be kept. */
export interface Question {
  /**
   * Everything of the request that the answer may depend on. Two requests with the same text are
   * the same question, whoever asks.
   */
  readonly text: string;
  /** Its answer may be kept; else one that is there may serve it. */
  readonly keeps: boolean;
}

/** Longer ones are not remembered. */
const TEXT_MAX = 4096;

/**
 * Of one request alone, and never part of the question: ids of traces, and what this proxy says of
 * its own timeouts and attempts. Every other header is: what an origin makes of a header that we do
 * not know (`x-forwarded-host`, `x-http-method-override`, a tenant, a user) stays with those who
 * sent the same.
 */
const OF_ONE_REQUEST: ReadonlySet<string> = new Set([
  "x-request-id",
  "traceparent",
  "tracestate",
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "x-ot-span-context",
  "x-cloud-trace-context",
  "x-amzn-trace-id",
  "uber-trace-id",
  "sentry-trace",
  "grpc-trace-bin",
  "x-datadog-trace-id",
  "x-datadog-parent-id",
  "x-datadog-sampling-priority",
  "x-client-trace-id",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-attempt-count",
]);

/** What such a header holds. Anything else may be there to be found in the answer. */
const PLAIN = /^[-\w.,:;=/+*@%|~ ]{0,512}$/;

/** The answer is for this client alone (RFC 9111 section 3.5), or for a part of a resource. */
const PRIVATE: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "range",
  "if-range",
]);

/** The answer may be without a body, which is no answer to others; but others' answers serve it. */
const CONDITIONS: ReadonlySet<string> = new Set([
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
]);

/**
 * The question that a request asks, as it goes upstream; undefined where nothing may be kept of it
 * nor served to it.
 */
export function questionOf(request: RequestHead, message: RequestMessage): Question | undefined {
  const { authority, headers, method, path, scheme } = request;
  const reads = method === "GET" || method === "HEAD";
  if (!reads || message.body !== "none" || message.upgrade !== "") return undefined;
  let keeps = method === "GET";
  let text = `${scheme}\n${authority}\n${path}\n`;
  for (let i = 0; i < headers.count; i++) {
    if (headers.removedAt(i)) continue;
    const name = headers.name(i);
    if (PRIVATE.has(name)) return undefined;
    if (CONDITIONS.has(name)) {
      keeps = false;
      continue;
    }
    const value = headers.value(i);
    if (name === "cache-control" && value.toLowerCase().includes("no-store")) keeps = false;
    if (!OF_ONE_REQUEST.has(name)) text += `${name}:${value}\n`;
    else if (!PLAIN.test(value)) return undefined;
  }
  return text.length > TEXT_MAX ? undefined : { text, keeps };
}
