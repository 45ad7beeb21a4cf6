// hot path: no allocation per request
import type { Clock } from "../../base/clock.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { RateLimitedBackOff } from "../../model/route.ts";
import { wholeNumberIn } from "./whole-number.ts";

/** Shorter waits are left to the usual back-off, as in Envoy. */
const WAIT_MIN_MS = 2;

/**
 * How long an answer asks its client to stay away, in milliseconds; 0: it does not say, or for
 * longer than is waited. The first header that can be read counts, and of one its first value
 * (Envoy: RetryStateImpl::parseResetInterval).
 */
export function waitAskedFor(
  { maxIntervalMs, resetHeaders }: RateLimitedBackOff,
  headers: HeaderTable,
  clock: Clock,
): number {
  for (let i = 0; i < resetHeaders.length; i++) {
    const { format, name } = resetHeaders[i] as RateLimitedBackOff["resetHeaders"][number];
    const index = headers.findName(name);
    const seconds = index < 0 ? -1 : wholeNumberIn(headers.value(index));
    if (seconds < 0) continue;
    const nowS = format === "seconds" ? 0 : Math.floor(clock.wall() / 1000);
    const waitMs = (seconds - nowS) * 1000;
    if (waitMs < 0 || waitMs > maxIntervalMs) continue;
    return waitMs < WAIT_MIN_MS ? 0 : waitMs;
  }
  return 0;
}
