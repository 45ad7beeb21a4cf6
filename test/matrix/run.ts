import { setTimeout as pause } from "node:timers/promises";
import { samplesOf } from "../../src/cli/circuits/samples.ts";
import type { Ledger } from "../support/ledger/ledger.ts";
import { type LoadRecord, startLoad } from "../support/ledger/load.ts";
import type { MatrixFault } from "./faults.ts";
import { MeshedOrigins } from "./meshed-origins.ts";
import type { MatrixPolicy } from "./policies.ts";

/** What became of the requests of one fault under one policy. */
export interface Outcome {
  readonly fault: string;
  readonly policy: string;
  /** Requests that were due while the fault lasted. */
  readonly sent: number;
  /** Of those, the share that was answered well; 0..1. */
  readonly goodput: number;
  /** Executions by endpoints over requests, from the load's beginning to the fault's end. */
  readonly amplification: number;
  /** Answered by the sidecar alone; 0..1. */
  readonly refused: number;
  /** Of all requests while the fault lasted, milliseconds. */
  readonly p99Ms: number;
  /** From the fault's beginning until something was held back; undefined: nothing was. */
  readonly openMs: number | undefined;
  /** From the fault's end until all was well again; undefined: it was not, as long as we looked. */
  readonly recoverMs: number | undefined;
  /** POSTs, and requests that were answered well, that endpoints executed twice. */
  readonly postsTwice: number;
}

export interface Pace {
  readonly ratePerSecond: number;
  /** Each of the three: before, during and after the fault. */
  readonly stretchMs: number;
}

export const PACE: Pace = { ratePerSecond: 200, stretchMs: 3000 };

/** As long as the window of the retry rate: its share of these requests may be used at once. */
const BEFORE_MS = 1000;
const TIMEOUT_MS = 5000;
/** So many well answered in a row are a recovery. */
const WELL_IN_A_ROW = 50;

/** One cell of the matrix, on a mesh of its own. */
export async function runCell(
  fault: MatrixFault,
  policy: MatrixPolicy,
  pace: Pace = PACE,
): Promise<Outcome> {
  const mesh = await MeshedOrigins.start(policy);
  try {
    const { ratePerSecond, stretchMs } = pace;
    const load = startLoad({
      ...mesh.door(),
      protocol: "http1",
      ratePerSecond,
      connections: 256,
      timeoutMs: TIMEOUT_MS,
    });
    await pause(BEFORE_MS);
    const begin = performance.now();
    const end = fault.begin(mesh.origins);
    const watch = new AbortController();
    const opened = firstHeldBack(mesh, begin, watch.signal);
    await pause(stretchMs);
    const ended = performance.now();
    end();
    watch.abort();
    await pause(stretchMs);
    const records = await load.stop();
    const openedAt = await opened;
    return judge({ fault, policy, records, begin, ended, openedAt, ledger: mesh.ledger });
  } finally {
    await mesh.stop();
  }
}

interface Observed {
  readonly fault: MatrixFault;
  readonly policy: MatrixPolicy;
  readonly records: readonly LoadRecord[];
  /** On the clock of `performance.now()`, as all that follow. */
  readonly begin: number;
  readonly ended: number;
  readonly openedAt: number | undefined;
  readonly ledger: Ledger;
}

function judge(observed: Observed): Outcome {
  const { fault, policy, records, begin, ended, openedAt, ledger } = observed;
  const during = records.filter(({ dueAtMs }) => dueAtMs >= begin && dueAtMs < ended);
  const until = records.filter(({ dueAtMs }) => dueAtMs < ended);
  const executions = until.map(({ request }) => ledger.entry(request.id)?.executions ?? 0);
  const share = (kind: string): number =>
    during.filter(({ outcome }) => outcome.kind === kind).length / Math.max(1, during.length);
  const latencies = during.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  return {
    fault: fault.name,
    policy: policy.name,
    sent: during.length,
    goodput: share("ok"),
    amplification: executions.reduce((sum, one) => sum + one, 0) / Math.max(1, until.length),
    refused: share("refusedByProxy"),
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    openMs: openedAt === undefined ? undefined : Math.max(0, openedAt - begin),
    recoverMs: recoveryMs(records, ended),
    postsTwice: records.filter(
      ({ request }) => request.method === "POST" && (ledger.entry(request.id)?.executions ?? 0) > 1,
    ).length,
  };
}

/** Until the first of many in a row that were answered well. */
function recoveryMs(records: readonly LoadRecord[], ended: number): number | undefined {
  const after = records
    .filter(({ dueAtMs }) => dueAtMs >= ended)
    .toSorted((one, other) => one.dueAtMs - other.dueAtMs);
  const lastBad = after.findLastIndex(({ outcome }) => outcome.kind !== "ok");
  const first = after[lastBad + 1];
  if (first === undefined || after.length - lastBad - 1 < WELL_IN_A_ROW) return undefined;
  return Math.max(0, lastBad < 0 ? 0 : first.dueAtMs - ended);
}

/** When circuits open, endpoints are ejected or shut: metric, and the state in its label `to`. */
const HELD_BACK: ReadonlyMap<string, string> = new Map([
  ["outrigger_circuit_last_transition_timestamp_seconds", "open"],
  ["outrigger_outlier_last_transition_timestamp_seconds", "ejected"],
  ["outrigger_accrual_last_transition_timestamp_seconds", "shut"],
]);
const FAMILIES: ReadonlySet<string> = new Set(HELD_BACK.keys());
const POLL_MS = 50;

/** On the clock of `performance.now()`; undefined where nothing was, until somebody gives up. */
async function firstHeldBack(
  mesh: MeshedOrigins,
  begin: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const wallAtBegin = performance.timeOrigin + begin;
  while (!signal.aborted) {
    const times = samplesOf(await mesh.metrics(), FAMILIES)
      .filter(({ labels, name }) => HELD_BACK.get(name) === labels.to)
      .map(({ value }) => value * 1000)
      .filter((wallMs) => wallMs >= wallAtBegin);
    if (times.length > 0) return Math.min(...times) - performance.timeOrigin;
    await pause(POLL_MS);
  }
  return undefined;
}
