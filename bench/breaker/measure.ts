/** Runs what is to be compared in processes of its own, one after the other, in rounds. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CONTENDERS, type Contender, type Path } from "./contender.ts";

const CHILD = path.join(path.dirname(fileURLToPath(import.meta.url)), "../child/breaker-calls.ts");

/** What no budget hangs on by a few nanoseconds needs no more. */
const OTHER_ROUNDS = 3;
/** Buckets of the window: usual, and many. */
export const FEW = 10;
export const MANY = 1000;

export interface Measured {
  /** Median of the rounds' nanoseconds a call. */
  readonly ns: Readonly<Record<Path, Readonly<Record<Contender, number>>>>;
  readonly allowRecordNs: Readonly<Record<"success" | "failure", number>>;
  /** By how much a call costs more with many buckets than with few: 0.1 is a tenth. */
  readonly bucketsGrowth: number;
  /** After ten million calls. */
  readonly retainedBytes: number;
}

function measure(what: string, name: string): number {
  const args = ["--expose-gc", CHILD, what, name];
  return Number(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/**
 * Runs of one breaker differ by a tenth, as its code happens to be compiled and as the machine is
 * busy: the middle of many pairs is compared, each of two runs around two, so that neither kind
 * comes first.
 */
function bucketsGrowth(): number {
  const [few1, many1, many2, few2] = [FEW, MANY, MANY, FEW].map((buckets) =>
    measure("buckets", String(buckets)),
  ) as [number, number, number, number];
  return Math.min(many1, many2) / Math.min(few1, few2) - 1;
}

/** Interleaved: what disturbs the machine for a while disturbs all. */
export function measureBreakers(rounds: number, say: (line: string) => void): Measured {
  const main = [
    ...CONTENDERS.map((name) => ["closed", name] as const),
    ...(["success", "failure"] as const).map((outcome) => ["allow", outcome] as const),
  ];
  const others = [
    ...(["failing", "refused"] as const).flatMap((way) =>
      CONTENDERS.map((name) => [way, name] as const),
    ),
  ];
  const found = new Map<string, number[]>();
  const growths: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    say(`round ${round} of ${rounds}`);
    for (const [what, name] of round <= OTHER_ROUNDS ? [...main, ...others] : main) {
      const key = `${what} ${name}`;
      found.set(key, [...(found.get(key) ?? []), measure(what, name)]);
    }
    growths.push(bucketsGrowth(), bucketsGrowth());
  }
  const of = (what: string, name: string): number => median(found.get(`${what} ${name}`) ?? []);
  const each = (way: Path): Record<Contender, number> => ({
    bareAwait: of(way, "bareAwait"),
    outrigger: of(way, "outrigger"),
    opossum: of(way, "opossum"),
    cockatielSampling: of(way, "cockatielSampling"),
  });
  say("10 million calls");
  return {
    ns: { closed: each("closed"), failing: each("failing"), refused: each("refused") },
    allowRecordNs: { success: of("allow", "success"), failure: of("allow", "failure") },
    bucketsGrowth: median(growths),
    retainedBytes: measure("heap", ""),
  };
}
