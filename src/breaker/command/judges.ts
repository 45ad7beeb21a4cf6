import type { Outcome, Permit } from "../breaker.ts";
import { LocalCells } from "../circuit/cells.ts";
import type { Circuit } from "../circuit/circuit.ts";
import { createStrategy, strategyCells } from "../strategy/create.ts";
import type { Strategy, StrategyOptions } from "../strategy/strategy.ts";
import type { CommandOptions, CommandSettings, ErrorClass } from "./options.ts";

interface ClassJudge {
  readonly matches: (error: unknown) => boolean;
  readonly strategy: Strategy;
}

function judgeOf(options: StrategyOptions): Strategy {
  return createStrategy(new LocalCells(strategyCells(options)), 0, options);
}

/** Reasons to open beside the circuit's own: slow calls, and classes of errors. */
export class Judges {
  readonly #slowMs: number;
  readonly #slow: Strategy | undefined;
  readonly #classes: readonly ClassJudge[];

  /** Undefined where the options ask for none. */
  static of(options: CommandOptions, settings: CommandSettings): Judges | undefined {
    const { slowCalls, errorClasses = [] } = options;
    if (slowCalls === undefined && errorClasses.length === 0) return undefined;
    return new Judges(options, settings, errorClasses);
  }

  private constructor(
    { slowCalls }: CommandOptions,
    settings: CommandSettings,
    classes: readonly ErrorClass[],
  ) {
    this.#slowMs = slowCalls?.durationInMilliseconds ?? Number.POSITIVE_INFINITY;
    this.#slow = slowCalls && judgeOf(slowStrategy(slowCalls, settings));
    this.#classes = classes.map(({ matches, strategy }) => ({
      matches,
      strategy: judgeOf(strategy),
    }));
  }

  /**
   * Records a call of the circuit. In a closed one an error of a class counts for its class alone;
   * any reason opens it. A probe must be good, and not slow.
   */
  judge(
    circuit: Circuit,
    permit: Permit,
    outcome: Outcome,
    error: unknown,
    durationMs: number,
    now: number,
  ): void {
    if (circuit.isLate(permit)) return;
    const isSlow = durationMs >= this.#slowMs;
    if (circuit.state !== "closed") {
      circuit.record(isSlow && outcome === "success" ? "failure" : outcome, now, permit);
      return;
    }
    const errorClass = outcome === "success" ? undefined : this.#classOf(error);
    circuit.record(errorClass === undefined ? outcome : "ignored", now, permit);
    let opens = this.#slow?.record(isSlow ? "failure" : "success", now) ?? false;
    for (const each of this.#classes) {
      opens = each.strategy.record(each === errorClass ? "failure" : "success", now) || opens;
    }
    if (opens) circuit.trip(now);
  }

  reset(): void {
    this.#slow?.reset();
    for (const { strategy } of this.#classes) strategy.reset();
  }

  #classOf(error: unknown): ClassJudge | undefined {
    return this.#classes.find(({ matches }) => isMatch(matches, error));
  }
}

/** One that throws matches nothing. */
function isMatch(matches: (error: unknown) => boolean, error: unknown): boolean {
  try {
    return matches(error);
  } catch {
    return false;
  }
}

function slowStrategy(
  slow: NonNullable<CommandOptions["slowCalls"]>,
  settings: CommandSettings,
): StrategyOptions {
  return {
    kind: "errorPercentage",
    durationMs: settings.rollingStatsTimeInMilliseconds,
    buckets: settings.rollingStatsNumBuckets,
    requestVolume: slow.requestVolumeThreshold ?? settings.requestVolumeThreshold,
    errorPercentage: slow.ratePercentage,
    snapshotMs: 0,
  };
}
