import { PROBES_MAX } from "../circuit/probes.ts";
import type { StrategyOptions } from "../strategy/strategy.ts";
import type { CommandOptions, CommandSettings } from "./options.ts";

/** Hystrix's defaults (`HystrixCommandProperties`). */
const DEFAULTS: Omit<CommandSettings, "probeTimeoutInMilliseconds"> = {
  timeoutEnabled: true,
  timeoutInMilliseconds: 1000,
  maxConcurrentRequests: 10,
  enabled: true,
  requestVolumeThreshold: 20,
  errorThresholdPercentage: 50,
  sleepWindowInMilliseconds: 5000,
  fallbackEnabled: true,
  fallbackMaxConcurrentRequests: 10,
  rollingStatsTimeInMilliseconds: 10_000,
  rollingStatsNumBuckets: 10,
  rollingPercentileTimeInMilliseconds: 60_000,
  rollingPercentileNumBuckets: 6,
  healthSnapshotIntervalInMilliseconds: 0,
  halfOpenRequests: 1,
};

type NumberName = {
  [Name in keyof CommandSettings]: CommandSettings[Name] extends number ? Name : never;
}[keyof CommandSettings];

const FOREVER = Number.POSITIVE_INFINITY;

/** The least and the largest, and whether only whole numbers will do. */
const RANGES: Readonly<Record<NumberName, readonly [number, number, boolean]>> = {
  timeoutInMilliseconds: [1, FOREVER, false],
  maxConcurrentRequests: [0, FOREVER, false],
  requestVolumeThreshold: [0, FOREVER, false],
  errorThresholdPercentage: [0, 100, false],
  sleepWindowInMilliseconds: [0, FOREVER, false],
  fallbackMaxConcurrentRequests: [0, FOREVER, false],
  rollingStatsTimeInMilliseconds: [1, FOREVER, false],
  rollingStatsNumBuckets: [1, 10_000, true],
  rollingPercentileTimeInMilliseconds: [1, FOREVER, false],
  rollingPercentileNumBuckets: [1, 1000, true],
  healthSnapshotIntervalInMilliseconds: [0, FOREVER, false],
  halfOpenRequests: [1, PROBES_MAX, true],
  probeTimeoutInMilliseconds: [1, FOREVER, false],
};

/** @throws RangeError that names all numbers that are none, or out of range. */
export function settingsOf(options: CommandOptions): CommandSettings {
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as CommandOptions;
  const known = { ...DEFAULTS, ...given };
  const { timeoutEnabled, timeoutInMilliseconds, sleepWindowInMilliseconds } = known;
  const probeTimeout = timeoutEnabled ? timeoutInMilliseconds : sleepWindowInMilliseconds;
  const settings = {
    ...DEFAULTS,
    probeTimeoutInMilliseconds: Math.max(1, probeTimeout),
    ...pick(known),
  };
  const wrong = (Object.keys(RANGES) as NumberName[]).flatMap((name) => {
    const [least, most, whole] = RANGES[name];
    const value: unknown = settings[name];
    const fits = typeof value === "number" && value >= least && value <= most;
    if (fits && (!whole || Number.isInteger(value))) return [];
    const kind = whole ? "a whole number" : "a number";
    const range = most === FOREVER ? `from ${least} on` : `from ${least} to ${most}`;
    return [`${name} ${String(value)}: ${kind} ${range} is needed`];
  });
  if (wrong.length > 0) throw new RangeError(wrong.join("; "));
  return settings;
}

function pick(options: CommandOptions): Partial<CommandSettings> {
  const names = [...Object.keys(DEFAULTS), "probeTimeoutInMilliseconds"];
  return Object.fromEntries(Object.entries(options).filter(([name]) => names.includes(name)));
}

/** What opens the circuit. */
export function strategyOf(options: CommandOptions, settings: CommandSettings): StrategyOptions {
  if (!settings.enabled) return { kind: "consecutive", failures: FOREVER };
  return (
    options.strategy ?? {
      kind: "errorPercentage",
      durationMs: settings.rollingStatsTimeInMilliseconds,
      buckets: settings.rollingStatsNumBuckets,
      requestVolume: settings.requestVolumeThreshold,
      errorPercentage: settings.errorThresholdPercentage,
      snapshotMs: settings.healthSnapshotIntervalInMilliseconds,
    }
  );
}
