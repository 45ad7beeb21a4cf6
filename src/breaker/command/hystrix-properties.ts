import type { CommandOptions } from "./options.ts";

const NUMBERS: Readonly<Record<string, keyof CommandOptions>> = {
  "execution.isolation.thread.timeoutInMilliseconds": "timeoutInMilliseconds",
  "execution.isolation.semaphore.maxConcurrentRequests": "maxConcurrentRequests",
  "circuitBreaker.requestVolumeThreshold": "requestVolumeThreshold",
  "circuitBreaker.sleepWindowInMilliseconds": "sleepWindowInMilliseconds",
  "circuitBreaker.errorThresholdPercentage": "errorThresholdPercentage",
  "fallback.isolation.semaphore.maxConcurrentRequests": "fallbackMaxConcurrentRequests",
  "metrics.rollingStats.timeInMilliseconds": "rollingStatsTimeInMilliseconds",
  "metrics.rollingStats.numBuckets": "rollingStatsNumBuckets",
  "metrics.rollingPercentile.timeInMilliseconds": "rollingPercentileTimeInMilliseconds",
  "metrics.rollingPercentile.numBuckets": "rollingPercentileNumBuckets",
  "metrics.healthSnapshot.intervalInMilliseconds": "healthSnapshotIntervalInMilliseconds",
};

const SWITCHES: Readonly<Record<string, keyof CommandOptions>> = {
  "execution.timeout.enabled": "timeoutEnabled",
  "circuitBreaker.enabled": "enabled",
  "circuitBreaker.forceOpen": "forceOpen",
  "circuitBreaker.forceClosed": "forceClosed",
  "fallback.enabled": "fallbackEnabled",
};

/** What has no meaning here: there are no threads to isolate, latencies are always kept. */
const NOT_HERE: ReadonlySet<string> = new Set([
  "execution.isolation.strategy",
  "execution.isolation.thread.interruptOnTimeout",
  "execution.isolation.thread.interruptOnFutureCancel",
  "metrics.rollingPercentile.enabled",
  "metrics.rollingPercentile.bucketSize",
  "requestCache.enabled",
  "requestLog.enabled",
  "threadPoolKeyOverride",
]);

const PREFIX = "hystrix.command.";

/**
 * Options of a command from Hystrix's own properties, as a Java application has them: those of
 * `hystrix.command.KEY.`, over those of `hystrix.command.default.`. Values may be texts. Properties
 * that mean nothing without Java's threads are left out; thread pools' and other commands' too.
 *
 * @throws RangeError that names all that are unknown or have no such value.
 */
export function hystrixProperties(
  key: string,
  properties: Readonly<Record<string, string | number | boolean>>,
): CommandOptions {
  const options: Record<string, unknown> = { name: key };
  const wrong: string[] = [];
  for (const prefix of [`${PREFIX}default.`, `${PREFIX}${key}.`]) {
    for (const [property, value] of Object.entries(properties)) {
      if (!property.startsWith(prefix)) continue;
      const problem = read(property.slice(prefix.length), value, options);
      if (problem !== undefined) wrong.push(`${property}: ${problem}`);
    }
  }
  if (wrong.length > 0) throw new RangeError(wrong.join("; "));
  return options;
}

/** Puts one into the options; or says what is wrong. */
function read(
  property: string,
  value: string | number | boolean,
  options: Record<string, unknown>,
): string | undefined {
  const number = NUMBERS[property];
  const flag = SWITCHES[property];
  if (number !== undefined) {
    const text = String(value).trim();
    if (!/^\d+$/.test(text)) return `${text} is no whole number`;
    options[number] = Number(text);
  } else if (flag !== undefined) {
    const text = String(value).trim();
    if (text !== "true" && text !== "false") return `${text} is neither true nor false`;
    options[flag] = text === "true";
  } else if (!NOT_HERE.has(property) && !isOfLongerKey(property)) {
    return "no property of a command";
  }
  return undefined;
}

/** Keys may have dots: that of another command may begin as this one does. */
function isOfLongerKey(property: string): boolean {
  const known = [...Object.keys(NUMBERS), ...Object.keys(SWITCHES), ...NOT_HERE];
  return known.some((name) => property.endsWith(`.${name}`));
}
