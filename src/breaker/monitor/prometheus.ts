import type { CircuitState } from "../breaker.ts";
import type { CommandSnapshot, CommandStatistics } from "../stats/command-statistics.ts";
import { EVENT_TYPES, isTerminal } from "../stats/event-type.ts";
import { type Labels, TextFormat } from "./text-format.ts";

export interface PrometheusOptions {
  /** Upper bounds of the histograms, in seconds, rising. */
  readonly latencyBuckets?: readonly number[];
  /** Show the settings too, as `hystrix_command_property_value_…`. Default false. */
  readonly properties?: boolean;
}

/** What is read of a command: `guarded.breaker` is one. */
export interface Monitored {
  readonly stats: Pick<CommandStatistics, "snapshot" | "cumulative">;
}

interface Shown {
  readonly command: Monitored;
  readonly now: CommandSnapshot;
  readonly labels: Labels;
}

const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const STATES: readonly CircuitState[] = ["closed", "open", "halfOpen"];
const STATE_LABEL = { closed: "closed", open: "open", halfOpen: "half_open" } as const;

/** Hystrix's health counts: what its error percentage is taken of. */
const ERRORS = ["FAILURE", "TIMEOUT", "THREAD_POOL_REJECTED", "SEMAPHORE_REJECTED"] as const;

type ValueOf = (command: CommandSnapshot) => number;

interface Family {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly help: string;
  readonly value: ValueOf;
}

function gauge(name: string, help: string, value: ValueOf): Family {
  return { name, kind: "gauge", help, value };
}

function counter(name: string, help: string, value: ValueOf): Family {
  return { name, kind: "counter", help, value };
}

function errorsOf({ counts }: CommandSnapshot): number {
  return ERRORS.reduce((sum, type) => sum + counts[type], 0);
}

/** Beside events and latencies: one sample for each command. */
const FAMILIES: readonly Family[] = [
  counter(
    "hystrix_command_total",
    "Executions that the circuit judges: successes and errors.",
    (command) => command.counts.SUCCESS + errorsOf(command),
  ),
  counter("hystrix_command_error_total", "Executions that the circuit judges an error.", errorsOf),
  gauge(
    "hystrix_command_is_circuit_breaker_open",
    "1 while the circuit is open, half-open or forced open.",
    ({ isOpen }) => (isOpen ? 1 : 0),
  ),
  gauge(
    "hystrix_command_execution_semaphore_permits_in_use",
    "Executions at this moment.",
    ({ executing }) => executing,
  ),
  gauge(
    "outrigger_breaker_state",
    "0 closed, 1 open, 2 half-open; as the calls have it, not as it is forced.",
    ({ state }) => STATES.indexOf(state),
  ),
];

function property(name: string, value: ValueOf): Family {
  const help = `Setting ${name.replaceAll("_", " ")}.`;
  return gauge(`hystrix_command_property_value_${name}`, help, value);
}

const PROPERTIES: readonly Family[] = [
  property("circuit_breaker_enabled", ({ settings }) => (settings.enabled ? 1 : 0)),
  property("circuit_breaker_error_threshold_percentage", ({ settings }) => {
    return settings.errorThresholdPercentage;
  }),
  property("circuit_breaker_force_closed", ({ forced }) => (forced === "closed" ? 1 : 0)),
  property("circuit_breaker_force_open", ({ forced }) => (forced === "open" ? 1 : 0)),
  property("circuit_breaker_request_volume_threshold", ({ settings }) => {
    return settings.requestVolumeThreshold;
  }),
  property("circuit_breaker_sleep_window_in_milliseconds", ({ settings }) => {
    return settings.sleepWindowInMilliseconds;
  }),
  property("execution_isolation_semaphore_max_concurrent_requests", ({ settings }) => {
    return settings.maxConcurrentRequests;
  }),
  property("execution_timeout_in_milliseconds", ({ settings }) => settings.timeoutInMilliseconds),
  property("fallback_isolation_semaphore_max_concurrent_requests", ({ settings }) => {
    return settings.fallbackMaxConcurrentRequests;
  }),
  property("metrics_rolling_statistical_window_in_milliseconds", ({ settings }) => {
    return settings.rollingStatsTimeInMilliseconds;
  }),
];

/**
 * Commands in Prometheus' text format, for a `/metrics` page. Names and labels are those of
 * ahus1/prometheus-hystrix, which Grafana's dashboards for Hystrix use; what begins with
 * `outrigger_breaker_` is ours. Counters of changes show openings that are over before anybody
 * looks. Of two commands with one name and group the first is shown.
 *
 * @throws RangeError where the bounds do not rise.
 */
export function prometheusText(
  commands: Iterable<Monitored>,
  options: PrometheusOptions = {},
): string {
  const { latencyBuckets = LATENCY_BUCKETS, properties = false } = options;
  const rise = latencyBuckets.every(
    (bound, index) => Number.isFinite(bound) && bound > (latencyBuckets[index - 1] ?? -Infinity),
  );
  if (!rise) throw new RangeError(`latencyBuckets ${latencyBuckets.join(" ")}: must rise`);
  const shown = shownOf(commands);
  if (shown.length === 0) return "";
  const text = new TextFormat();
  writeEvents(text, shown);
  writeLatency(text, "execute", "Time that executions took.", shown, latencyBuckets);
  writeLatency(text, "total", "Time until callers had an answer.", shown, latencyBuckets);
  for (const family of properties ? [...FAMILIES, ...PROPERTIES] : FAMILIES) {
    text.family(family.name, family.kind, family.help);
    for (const { labels, now } of shown) text.sample(family.name, labels, family.value(now));
  }
  writeTransitions(text, shown);
  return text.toString();
}

function shownOf(commands: Iterable<Monitored>): readonly Shown[] {
  const shown = new Map<string, Shown>();
  for (const command of commands) {
    const now = command.stats.snapshot();
    const labels: Labels = [
      ["command_group", now.group],
      ["command_name", now.name],
    ];
    const key = JSON.stringify(labels);
    if (!shown.has(key)) shown.set(key, { command, now, labels });
  }
  return [...shown.values()];
}

function writeEvents(text: TextFormat, shown: readonly Shown[]): void {
  const name = "hystrix_command_event_total";
  text.family(name, "counter", "What happened; one terminal event ends each execution.");
  for (const { labels, now } of shown) {
    for (const type of EVENT_TYPES) {
      const event: Labels = [
        ...labels,
        ["event", type.toLowerCase()],
        ["terminal", String(isTerminal(type))],
      ];
      text.sample(name, event, now.counts[type]);
    }
  }
}

function writeLatency(
  text: TextFormat,
  which: "execute" | "total",
  help: string,
  shown: readonly Shown[],
  bounds: readonly number[],
): void {
  const name = `hystrix_command_latency_${which}_seconds`;
  const boundsMs = bounds.map((bound) => bound * 1000);
  text.family(name, "histogram", help);
  for (const { command, labels } of shown) {
    const { counts, count, sumMs } = command.stats.cumulative(which, boundsMs);
    bounds.forEach((bound, index) => {
      text.sample(`${name}_bucket`, [...labels, ["le", String(bound)]], counts[index] ?? 0);
    });
    text.sample(`${name}_bucket`, [...labels, ["le", "+Inf"]], count);
    text.sample(`${name}_sum`, labels, sumMs / 1000);
    text.sample(`${name}_count`, labels, count);
  }
}

function writeTransitions(text: TextFormat, shown: readonly Shown[]): void {
  const changes = shown.flatMap(({ labels, now }) =>
    STATES.map((to) => {
      const labelled: Labels = [...labels, ["to", STATE_LABEL[to]]];
      return { labelled, ...now.transitions[to] };
    }),
  );
  const total = "outrigger_breaker_transitions_total";
  text.family(total, "counter", "Changes of the circuit, by the state that it changed to.");
  for (const { labelled, count } of changes) text.sample(total, labelled, count);
  const last = "outrigger_breaker_last_transition_timestamp_seconds";
  text.family(last, "gauge", "When the circuit last changed to the state; absent: never.");
  for (const { labelled, lastAt } of changes) {
    if (lastAt !== undefined) text.sample(last, labelled, lastAt / 1000);
  }
}
