/** The breakers side by side: the same work, the same limits, a timeout of a second in all. */
import * as cockatiel from "cockatiel";
import Opossum from "opossum";
import { circuitBreaker } from "../../src/breaker/circuit-breaker.ts";

export type Ask = (value: number) => Promise<number>;

/** `failing`: each call fails, and the circuit stays closed. `refused`: it is open. */
export type Path = "closed" | "failing" | "refused";

export const CONTENDERS = ["bareAwait", "outrigger", "opossum", "cockatielSampling"] as const;
export type Contender = (typeof CONTENDERS)[number];

const TIMEOUT_MS = 1000;
const WINDOW_MS = 10_000;
const SLEEP_MS = 5000;
const CONCURRENT = 10;
const REQUESTS = 20;
const PERCENT = 50;

const error = new Error("down");

async function succeed(value: number): Promise<number> {
  return value + 1;
}

async function fail(_value: number): Promise<number> {
  throw error;
}

/** Ours, with so many buckets. */
export function guarded(path: Path, buckets: number): Ask {
  return circuitBreaker(path === "closed" ? succeed : fail, {
    timeoutInMilliseconds: TIMEOUT_MS,
    rollingStatsTimeInMilliseconds: WINDOW_MS,
    rollingStatsNumBuckets: buckets,
    sleepWindowInMilliseconds: SLEEP_MS,
    maxConcurrentRequests: CONCURRENT,
    requestVolumeThreshold: path === "failing" ? Number.MAX_SAFE_INTEGER : REQUESTS,
    errorThresholdPercentage: PERCENT,
    forceOpen: path === "refused",
  });
}

function opossum(path: Path): Ask {
  const breaker = new Opossum(path === "closed" ? succeed : fail, {
    timeout: TIMEOUT_MS,
    rollingCountTimeout: WINDOW_MS,
    rollingCountBuckets: 10,
    resetTimeout: SLEEP_MS,
    capacity: CONCURRENT,
    volumeThreshold: path === "failing" ? Number.MAX_SAFE_INTEGER : REQUESTS,
    errorThresholdPercentage: PERCENT,
  });
  if (path === "refused") breaker.open();
  return (value) => breaker.fire(value);
}

function cockatielSampling(path: Path): Ask {
  const breaker = cockatiel.circuitBreaker(cockatiel.handleAll, {
    halfOpenAfter: SLEEP_MS,
    breaker: new cockatiel.SamplingBreaker({
      threshold: PERCENT / 100,
      duration: WINDOW_MS,
      minimumRps: path === "failing" ? Number.MAX_SAFE_INTEGER : REQUESTS / (WINDOW_MS / 1000),
    }),
  });
  const timeout = cockatiel.timeout(TIMEOUT_MS, cockatiel.TimeoutStrategy.Aggressive);
  const policy = cockatiel.wrap(breaker, timeout);
  const work = path === "closed" ? succeed : fail;
  if (path === "refused") breaker.isolate();
  return (value) => policy.execute(() => work(value));
}

export function contender(name: Contender, path: Path): Ask {
  switch (name) {
    case "bareAwait":
      return path === "closed" ? succeed : fail;
    case "outrigger":
      return guarded(path, 10);
    case "opossum":
      return opossum(path);
    case "cockatielSampling":
      return cockatielSampling(path);
  }
}
