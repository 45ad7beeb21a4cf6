import { parseDuration } from "../../../base/duration.ts";
import type { RetryBudgetSettings } from "../../../model/destination-policy.ts";
import { type FieldTable, fieldTable } from "../../kubernetes/field-table.ts";
import type { Fields } from "../../kubernetes/fields.ts";

const BUDGET = fieldTable({ executed: ["retryRatio", "minRetriesPerSecond", "ttl"] });

export const BUDGET_TABLES: Readonly<Record<string, FieldTable>> = {
  "ServiceProfile.spec.retryBudget": BUDGET,
};

/** Linkerd's, where a profile says nothing. */
const RATIO = 0.2;
const MIN_PER_SECOND = 10;

const TTL_MS = 10_000;

const RATIO_MAX = 10;
const MIN_PER_SECOND_MAX = 1_000_000;
/** A window has ten buckets. */
const TTL_STEP_MS = 10;
const TTL_MIN_MS = 100;
const TTL_MAX_MS = 3_600_000;

/**
 * How many of a Service's requests may be retries: over `ttl` for our own proxies; an Envoy counts
 * those in flight.
 */
export function readRetryBudget<Name extends string>(
  spec: Fields<Name | "retryBudget">,
): RetryBudgetSettings {
  const budget = spec.mapping("retryBudget", BUDGET);
  const ratio = budget?.number("retryRatio", { min: 0, max: RATIO_MAX }) ?? RATIO;
  const range = { min: 0, max: MIN_PER_SECOND_MAX };
  const minimum = budget?.integer("minRetriesPerSecond", range) ?? MIN_PER_SECOND;
  for (const name of ["retryRatio", "minRetriesPerSecond", "ttl"] as const) {
    if (budget?.has(name) === false) budget.missing(name);
  }
  const ttlMs =
    budget?.parsed("ttl", parseTtl, "a duration from 100ms to 1h, such as 10s") ?? TTL_MS;
  return {
    percent: Math.min(100, ratio * 100),
    minRetryConcurrency: minimum,
    rate: { percent: ratio * 100, minPerSecond: minimum, windowMs: ttlMs },
  };
}

function parseTtl(text: string): number | undefined {
  const ttlMs = Math.ceil((parseDuration(text) ?? 0) / TTL_STEP_MS) * TTL_STEP_MS;
  return ttlMs >= TTL_MIN_MS && ttlMs <= TTL_MAX_MS ? ttlMs : undefined;
}
