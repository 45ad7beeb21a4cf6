import type { Random } from "../../base/random.ts";

/** Of a certificate's life, when half of it is left (Istio: SECRET_GRACE_PERIOD_RATIO 0.5). */
const LEFT_AT_RENEWAL = 0.5;
/** A fleet that started together does not renew together: up to so much of the life sooner. */
const RENEWAL_JITTER = 0.05;
const RENEWAL_MIN_MS = 500;

/** After an error: doubled each time, and soon enough for who comes back. */
const BACK_OFF_MS = 500;
const BACK_OFF_MAX_MS = 10_000;
const DOUBLINGS_MAX = 16;

/** A certificate's life as its holder has it; authorities date them back, for slow clocks. */
export interface Life {
  /** When it was obtained; milliseconds since 1970. */
  readonly from: number;
  readonly notAfter: number;
}

/** When to ask for the next certificate; milliseconds since 1970. */
export function renewalAt({ from, notAfter }: Life, random: Random): number {
  const left = LEFT_AT_RENEWAL + RENEWAL_JITTER * random.next();
  return Math.max(from + RENEWAL_MIN_MS, notAfter - (notAfter - from) * left);
}

/** How long to wait after so many failures in a row, the first being 1. */
export function backOffMs(failures: number, random: Random): number {
  const doubled = BACK_OFF_MS * 2 ** Math.min(failures - 1, DOUBLINGS_MAX);
  return Math.ceil(Math.min(BACK_OFF_MAX_MS, doubled) * (0.5 + random.next() / 2));
}

/** How near the end is: each is told once for every certificate. */
export type Nearness = "far" | "near" | "close" | "over";

const NEAR = 0.25;
const CLOSE = 0.1;

export function nearness({ from, notAfter }: Life, now: number): Nearness {
  const left = notAfter - now;
  if (left <= 0) return "over";
  const life = notAfter - from;
  if (left <= life * CLOSE) return "close";
  return left <= life * NEAR ? "near" : "far";
}

/** Until when nearness stays as it is; milliseconds since 1970, Infinity once it is over. */
export function nearnessUntil({ from, notAfter }: Life, now: number): number {
  const life = notAfter - from;
  const ends = [notAfter - life * NEAR, notAfter - life * CLOSE, notAfter];
  return ends.find((end) => end > now) ?? Number.POSITIVE_INFINITY;
}
