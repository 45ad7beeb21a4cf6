import type { TimeoutSettings } from "../../../../model/resilience/service-traffic.ts";
import type { AnnotationReader } from "./annotation-reader.ts";

const PREFIX = "timeout.linkerd.io/";
const REQUEST = `${PREFIX}request`;
const RESPONSE = `${PREFIX}response`;
const IDLE = `${PREFIX}idle`;

export const TIMEOUT_PREFIX: string = PREFIX;
export const TIMEOUT_NAMES: readonly string[] = [REQUEST, RESPONSE, IDLE];

/**
 * Linkerd's timeouts, none of which is retried. Undefined where none of the annotations is there.
 */
export function readTimeouts(reader: AnnotationReader): TimeoutSettings | undefined {
  if (!TIMEOUT_NAMES.some((name) => reader.has(name))) return undefined;
  const streamMs = reader.duration(REQUEST);
  const responseMs = reader.duration(RESPONSE);
  const idleMs = reader.duration(IDLE);
  if (!isSet(streamMs) || !isSet(responseMs)) return { responseMs, streamMs, idleMs };
  // Envoy knows one of both: the shorter one, from the end of the request on.
  const why = "the shorter of both counts, from the end of the request";
  reader.notExecuted(REQUEST, `Beside ${RESPONSE} it bounds no upload: ${why}`);
  return { responseMs: Math.min(streamMs, responseMs), streamMs: undefined, idleMs };
}

function isSet(durationMs: number | undefined): durationMs is number {
  return durationMs !== undefined && durationMs > 0;
}
