/** What a load came to: each request beside what the ledger says of it. */
import type { Ledger } from "./ledger.ts";
import type { LoadRecord } from "./load.ts";
import { bodyOf, hashOf, type LoadRequest, type OutcomeKind } from "./request.ts";

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface Verdict {
  readonly sent: number;
  /** Requests for which anything at all was wrong; 0 is what "no request failed" means. */
  readonly failed: number;
  /** By what the client saw; their sum is `sent`. */
  readonly outcomes: Readonly<Record<OutcomeKind, number>>;
  /** By what the ledger says, whatever the client saw. */
  readonly executedTwice: number;
  /** Of those that may be: GETs executed more than once where `getsMayRepeat`. No failure. */
  readonly repeated: number;
  /** The client saw success, the ledger does not know it. */
  readonly lost: number;
  /** The ledger has it, the client saw a failure; such a request is counted as failed once. */
  readonly executedUnseen: number;
  /** An origin got another body than was sent. */
  readonly wrongRequestBody: number;
  /** The ledger has an id that nobody sent. */
  readonly unknown: number;
  /** Streams that were refused untaken and went again. No failure. */
  readonly retriedRefused: number;
  /** How often which failure had which words. */
  readonly reasons: ReadonlyMap<string, number>;
  /** Of all requests, from when each was due. */
  readonly latencyMs: Percentiles;
  /** Of those that were answered well. */
  readonly okLatencyMs: Percentiles;
  /** Of those that the proxy refused. */
  readonly refusedLatencyMs: Percentiles;
}

export interface JudgeOptions {
  /** Where retries are configured: a GET may be executed more than once. Never a POST. */
  readonly getsMayRepeat?: boolean;
  /** All that was sent to the ledger's origins, where only some of it is judged. */
  readonly among?: readonly LoadRecord[];
}

const KINDS: readonly OutcomeKind[] = [
  "ok",
  "wrongBody",
  "truncated",
  "refusedByProxy",
  "failedByOrigin",
  "connectRefused",
  "reset",
  "timeout",
];

function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) };
}

function latenciesOf(records: readonly LoadRecord[], kind?: OutcomeKind): Percentiles {
  const wanted = records.filter(({ outcome }) => kind === undefined || outcome.kind === kind);
  return percentiles(wanted.map(({ latencyMs }) => latencyMs));
}

/** Judges a load, or several whose origins share the ledger: give all their records at once. */
export function judge(
  records: readonly LoadRecord[],
  ledger: Ledger,
  { getsMayRepeat = false, among = records }: JudgeOptions = {},
): Verdict {
  const outcomes = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<
    OutcomeKind,
    number
  >;
  const counts = { executedTwice: 0, repeated: 0, lost: 0, executedUnseen: 0, wrongRequestBody: 0 };
  const reasons = new Map<string, number>();
  let failed = 0;
  let retriedRefused = 0;
  for (const record of records) {
    const { kind, reason = "", retriedRefused: refused = 0 } = record.outcome;
    outcomes[kind]++;
    retriedRefused += refused;
    if (kind !== "ok") {
      const words = `${record.protocol} ${kind}: ${reason}`;
      reasons.set(words, (reasons.get(words) ?? 0) + 1);
    }
    const wrongs = wrongsOf(record, ledger, getsMayRepeat);
    for (const wrong of wrongs) counts[wrong]++;
    if (kind !== "ok" || wrongs.some((wrong) => wrong !== "repeated")) failed++;
  }
  const known = new Set(among.map(({ request }) => request.id));
  const unknown = [...ledger.ids()].filter((id) => !known.has(id)).length;
  return {
    ...{ sent: records.length, failed: failed + unknown, outcomes, ...counts, unknown },
    ...{ retriedRefused, reasons },
    latencyMs: latenciesOf(records),
    okLatencyMs: latenciesOf(records, "ok"),
    refusedLatencyMs: latenciesOf(records, "refusedByProxy"),
  };
}

type Wrong = "executedTwice" | "repeated" | "lost" | "executedUnseen" | "wrongRequestBody";

function wrongsOf({ request, outcome }: LoadRecord, ledger: Ledger, mayRepeat: boolean): Wrong[] {
  const entry = ledger.entry(request.id);
  const ok = outcome.kind === "ok";
  if (entry === undefined) return ok ? ["lost"] : [];
  const wrongs: Wrong[] = [];
  if (entry.executions > 1) {
    wrongs.push(mayRepeat && request.method === "GET" ? "repeated" : "executedTwice");
  }
  if (!ok) wrongs.push("executedUnseen");
  if (!sameBody(request, entry.bodyHashes)) wrongs.push("wrongRequestBody");
  return wrongs;
}

const NO_BODY = hashOf(Buffer.alloc(0));

function sameBody({ id, bodyBytes }: LoadRequest, hashes: readonly string[]): boolean {
  const wanted = bodyBytes === 0 ? NO_BODY : hashOf(bodyOf(id, bodyBytes));
  return hashes.every((hash) => hash === wanted);
}

const REASONS_MAX = 10;

function ms(value: number): string {
  return value.toFixed(value < 10 ? 2 : 0);
}

/** All that is not zero, in one line. */
export function toLine(verdict: Verdict): string {
  const { sent, failed, outcomes, latencyMs } = verdict;
  const { executedTwice, repeated, lost, executedUnseen, wrongRequestBody, unknown } = verdict;
  const { retriedRefused } = verdict;
  const counts = {
    ...outcomes,
    ...{ executedTwice, repeated, lost, executedUnseen, wrongRequestBody, unknown, retriedRefused },
  };
  const words = Object.entries(counts).flatMap(([name, count]) =>
    count === 0 ? [] : [`${count} ${name}`],
  );
  const { p50, p99, max } = latencyMs;
  const latency = `p50 ${ms(p50)} p99 ${ms(p99)} max ${ms(max)} ms`;
  return `${sent} sent, ${failed} failed (${words.join(", ")}); ${latency}`;
}

/** A line for each verdict, under their names. */
export function toTable(verdicts: Readonly<Record<string, Verdict>>): string {
  const rows = Object.entries(verdicts).map(([name, verdict]) => {
    const { sent, failed, outcomes, okLatencyMs: ok } = verdict;
    const refused = outcomes.refusedByProxy;
    return [name, sent, failed, outcomes.ok, refused, ms(ok.p50), ms(ok.p99), ms(ok.max)].map(
      String,
    );
  });
  const head = ["load", "sent", "failed", "ok", "refused", "p50 ms", "p99 ms", "max ms"];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ");
  return all.map(line).join("\n");
}

/** @throws Error with the line and the most frequent reasons, where any request failed. */
export function expectNoneFailed(verdict: Verdict): void {
  if (verdict.failed === 0) return;
  const reasons = [...verdict.reasons].sort(([, one], [, other]) => other - one);
  const lines = reasons.slice(0, REASONS_MAX).map(([words, count]) => `  ${count} × ${words}`);
  throw new Error([toLine(verdict), ...lines].join("\n"));
}
