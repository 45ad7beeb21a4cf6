import type { RetrySettings } from "../../../model/http-route-set.ts";
import type { RetryPolicy } from "../../../model/route.ts";

const BACK_OFF_BASE_MS = 25;

/** What never reached the application: to try it again cannot execute anything twice. */
const UNSENT: readonly string[] = ["connect-failure", "refused-stream"];

/**
 * Istio's conditions. `unavailable` and `cancelled` are an application's own answers too: it may
 * have done its work before. So they hold for those alone who ask for retries.
 */
const ASKED_RETRY_ON: readonly string[] = [
  ...UNSENT,
  "unavailable",
  "cancelled",
  "retriable-status-codes",
];

/** Where nobody says anything of retries; a deviation from Istio, see docs/differences.md. */
export const DEFAULT_RETRIES: RetryPolicy = {
  retryOn: UNSENT,
  retriableStatusCodes: [],
  retriableHeaders: [],
  numRetries: 2,
  perTryTimeoutMs: 0,
  backOffBaseMs: BACK_OFF_BASE_MS,
  backOffMaxMs: 10 * BACK_OFF_BASE_MS,
  avoidPreviousHosts: true,
  hostSelectionAttempts: 5,
};

/** An interval of nothing is none to Envoy, which then refuses all routes with this one. */
const BACK_OFF_MIN_MS = 1;
/** Of 32 bits. */
const RETRIES_MAX = 2 ** 32 - 1;

/** Towards the pod's own application: a connection that it had already closed. */
export const INBOUND_RETRIES: RetryPolicy = {
  ...DEFAULT_RETRIES,
  retryOn: ["reset-before-request"],
  avoidPreviousHosts: false,
  hostSelectionAttempts: 1,
};

/** Undefined where retries are switched off. */
export function retryPolicyOf(settings: RetrySettings | undefined): RetryPolicy | undefined {
  if (settings === undefined) return DEFAULT_RETRIES;
  if (settings.attempts === 0) return undefined;
  const backOffBaseMs = Math.max(BACK_OFF_MIN_MS, settings.backOffBaseMs ?? BACK_OFF_BASE_MS);
  return {
    ...DEFAULT_RETRIES,
    retryOn: retryOnOf(settings),
    retriableStatusCodes: settings.statusCodes,
    numRetries: Math.min(settings.attempts, RETRIES_MAX),
    perTryTimeoutMs: settings.perTryTimeoutMs ?? 0,
    backOffBaseMs,
    backOffMaxMs: 10 * backOffBaseMs,
    avoidPreviousHosts: settings.avoidPreviousHosts,
    hostSelectionAttempts: settings.avoidPreviousHosts ? 5 : 1,
  };
}

function retryOnOf(settings: RetrySettings): readonly string[] {
  const wanted = settings.retryOn.length === 0 ? ASKED_RETRY_ON : settings.retryOn;
  const byStatus = settings.statusCodes.length > 0 && !wanted.includes("retriable-status-codes");
  return byStatus ? [...wanted, "retriable-status-codes"] : wanted;
}
