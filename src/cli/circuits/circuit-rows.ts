import type { Sample } from "./samples.ts";

export type ShownState = "closed" | "open" | "halfOpen";

/** One circuit of one proxy, or of the application behind it. */
export interface CircuitRow {
  readonly pod: string;
  /** `namespace/name` of the policy; of a library's circuit its group and command. */
  readonly circuit: string;
  /** The cluster or route where it stands; `application` for a library's. */
  readonly at: string;
  readonly state: ShownState;
  /** Milliseconds since 1970 of the last transition; undefined: it has had none. */
  readonly since: number | undefined;
  /** How often it has opened since the proxy began. */
  readonly opened: number;
  /** Calls that it did not let through. */
  readonly rejected: number;
  /** Seconds from opening to closing, on average; undefined: it has never closed again. */
  readonly recoverySeconds: number | undefined;
}

const STATES: readonly ShownState[] = ["closed", "open", "halfOpen"];

const STATE = "outrigger_circuit_state";
const TRANSITIONS = "outrigger_circuit_transitions_total";
const LAST = "outrigger_circuit_last_transition_timestamp_seconds";
const REJECTED = "outrigger_circuit_rejected_total";
const RECOVERED = "outrigger_circuit_recovery_seconds_count";
const RECOVERY = "outrigger_circuit_recovery_seconds_sum";
const LIBRARY_OPEN = "hystrix_command_is_circuit_breaker_open";
const LIBRARY_EVENTS = "hystrix_command_event_total";
const LIBRARY_TRANSITIONS = "outrigger_breaker_transitions_total";
const LIBRARY_LAST = "outrigger_breaker_last_transition_timestamp_seconds";

/** The families that rows are made of. */
export const CIRCUIT_FAMILIES: readonly string[] = [
  STATE,
  TRANSITIONS,
  LAST,
  REJECTED,
  RECOVERED,
  RECOVERY,
  LIBRARY_OPEN,
  LIBRARY_EVENTS,
  LIBRARY_TRANSITIONS,
  LIBRARY_LAST,
];

/** In the order of the scrape. */
export function circuitRows(pod: string, samples: readonly Sample[]): readonly CircuitRow[] {
  const meshed = Map.groupBy(samples, meshKey);
  const library = Map.groupBy(samples, libraryKey);
  return [
    ...of(samples, STATE).map((state) => meshRow(pod, state, meshed.get(meshKey(state)) ?? [])),
    ...of(samples, LIBRARY_OPEN).map((open) =>
      libraryRow(pod, open, library.get(libraryKey(open)) ?? []),
    ),
  ];
}

function meshRow(pod: string, state: Sample, own: readonly Sample[]): CircuitRow {
  const recovered = sum(of(own, RECOVERED));
  return {
    pod,
    circuit: state.labels.circuit ?? "",
    at: placeOf(state),
    state: STATES[state.value] ?? "closed",
    since: lastMs(of(own, LAST)),
    opened: sum(of(own, TRANSITIONS).filter(({ labels }) => labels.to === "open")),
    rejected: sum(of(own, REJECTED)),
    recoverySeconds: recovered === 0 ? undefined : sum(of(own, RECOVERY)) / recovered,
  };
}

function placeOf({ labels }: Sample): string {
  const { cluster = "", route = "" } = labels;
  return cluster === "" ? `route ${route}` : cluster;
}

function meshKey({ labels }: Sample): string {
  return JSON.stringify([labels.circuit, labels.cluster ?? "", labels.route ?? ""]);
}

function libraryKey({ labels }: Sample): string {
  return JSON.stringify([labels.command_group ?? "", labels.command_name ?? ""]);
}

const LIBRARY_REJECTIONS = new Set(["short_circuited", "semaphore_rejected"]);

/** The states of a library's circuit are two in Hystrix's metrics. */
function libraryRow(pod: string, open: Sample, own: readonly Sample[]): CircuitRow {
  const { command_group: group = "", command_name: name = "" } = open.labels;
  const rejections = of(own, LIBRARY_EVENTS).filter(({ labels }) =>
    LIBRARY_REJECTIONS.has(labels.event ?? ""),
  );
  return {
    pod,
    circuit: group === "" ? name : `${group}/${name}`,
    at: "application",
    state: open.value > 0 ? "open" : "closed",
    since: lastMs(of(own, LIBRARY_LAST)),
    opened: sum(of(own, LIBRARY_TRANSITIONS).filter(({ labels }) => labels.to === "open")),
    rejected: sum(rejections),
    recoverySeconds: undefined,
  };
}

function of(samples: readonly Sample[], name: string): readonly Sample[] {
  return samples.filter((sample) => sample.name === name);
}

function sum(samples: readonly Sample[]): number {
  return samples.reduce((total, { value }) => total + value, 0);
}

function lastMs(samples: readonly Sample[]): number | undefined {
  const last = samples.reduce((latest, { value }) => Math.max(latest, value), 0);
  return last === 0 ? undefined : Math.round(last * 1000);
}
