import type { Clock, Timer } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { Slices } from "../../base/slices.ts";
import type { OutlierDetection } from "../../model/upstream/outlier-detection.ts";
import type { OutlierStats } from "../telemetry/envoy/balance/outlier-stats.ts";
import { Ejection } from "./ejection.ts";
import { type EjectionKind, KIND_IN_A_ROW } from "./ejection-kind.ts";
import type { ErrorOrigin, HostRecord, InARow } from "./host-record.ts";
import {
  NO_RATE,
  NO_THRESHOLD,
  type RateThreshold,
  rateThreshold,
  successRate,
} from "./success-rate.ts";

/** One host as the detector knows it. */
export interface Suspect {
  /** `127.0.0.1:9000`; where it is now. */
  address: string;
  readonly record: HostRecord;
  readonly ejection: Ejection;
  /** Of the last interval, percent; -1 where it had too little to do. */
  readonly rates: Record<ErrorOrigin, number>;
}

export interface DetectorOwner {
  /** It has gone: `kind` and `enforced` say why, and whether it is out; or it has come back. */
  onEjected(suspect: Suspect, kind: EjectionKind, enforced: boolean): void;
  onReturned(suspect: Suspect): void;
  /** All that happens now has been told. */
  onSettled(): void;
  /** A mistake of a sweep's. */
  onFault(error: unknown): void;
}

export interface DetectorContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly stats: OutlierStats;
}

/** A host and how many percent of its requests in the last interval succeeded. */
interface Rated {
  readonly suspect: Suspect;
  readonly rate: number;
}

/** Decides which hosts of one cluster are out, and when they come back (Envoy: DetectorImpl). */
export class Detector {
  readonly config: OutlierDetection;
  /** Of the last sweep. */
  readonly thresholds: Record<ErrorOrigin, RateThreshold> = {
    external: NO_THRESHOLD,
    localOrigin: NO_THRESHOLD,
  };
  readonly #context: DetectorContext;
  readonly #owner: DetectorOwner;
  readonly #suspects = new Set<Suspect>();
  readonly #slices: Slices;
  #timer: Timer;
  #stopped = false;
  /** How many are out. */
  #active = 0;

  constructor(config: OutlierDetection, context: DetectorContext, owner: DetectorOwner) {
    this.config = config;
    this.#context = context;
    this.#owner = owner;
    this.#slices = new Slices(context.clock);
    this.#timer = this.#arm();
  }

  /** A new host; one that takes another's place goes on with its ejection. */
  add(
    address: string,
    record: HostRecord,
    ejection: Ejection = new Ejection(this.config),
  ): Suspect {
    const rates = { external: NO_RATE, localOrigin: NO_RATE };
    const suspect = { address, record, ejection, rates };
    this.#suspects.add(suspect);
    if (ejection.ejected) this.#countActive(1);
    return suspect;
  }

  remove(suspect: Suspect): void {
    if (this.#suspects.delete(suspect) && suspect.ejection.ejected) this.#countActive(-1);
  }

  /** So many failures in a row as it takes. */
  onFailuresInARow(suspect: Suspect, row: InARow): void {
    if (!this.#suspects.has(suspect) || suspect.ejection.ejected) return;
    this.#detect(suspect, KIND_IN_A_ROW[row]);
    suspect.record.clear(row);
    this.#owner.onSettled();
  }

  /** It has passed an active health check, and is well as far as these can say. */
  onCheckPassed(suspect: Suspect): void {
    if (!this.config.successfulActiveHealthCheckUnejectHost) return;
    if (!this.#suspects.has(suspect) || !suspect.ejection.ejected) return;
    this.#takeBack(suspect);
    this.#owner.onSettled();
  }

  /** For ever: the cluster is gone. */
  stop(): void {
    this.#stopped = true;
    this.#timer.cancel();
    this.#countActive(-this.#active);
    this.#suspects.clear();
  }

  #arm(): Timer {
    return this.#context.clock.after(this.config.intervalMs, () => this.#onInterval());
  }

  #onInterval(): void {
    this.#slices.begin();
    this.#slices.run(this.#sweep()).catch((error: unknown) => this.#owner.onFault(error));
  }

  /** A host at a time: there may be very many, and hosts may come and go meanwhile. */
  *#sweep(): Generator<void, void> {
    const nowMs = this.#context.clock.now();
    for (const suspect of this.#suspects) {
      if (suspect.ejection.isServed(nowMs)) this.#takeBack(suspect);
      yield;
    }
    yield* this.#judgeRates("external");
    if (this.config.splitExternalLocalOriginErrors) yield* this.#judgeRates("localOrigin");
    for (const { ejection } of this.#suspects) {
      ejection.relent(nowMs);
      yield;
    }
    if (this.#stopped) return;
    this.#owner.onSettled();
    this.#timer = this.#arm();
  }

  /** Envoy: processSuccessRateEjections. */
  *#judgeRates(origin: ErrorOrigin): Generator<void, void> {
    const { config } = this;
    const { failurePercentageRequestVolume, successRateRequestVolume } = config;
    const bySuccess: Rated[] = [];
    const byFailure: Rated[] = [];
    this.thresholds[origin] = NO_THRESHOLD;
    const { size } = this.#suspects;
    const tooFew =
      size < config.successRateMinimumHosts && size < config.failurePercentageMinimumHosts;
    for (const suspect of this.#suspects) {
      yield;
      const counts = suspect.record.takeInterval(origin);
      suspect.rates[origin] = NO_RATE;
      const rate = successRate(counts);
      if (tooFew || rate === undefined || suspect.ejection.ejected) continue;
      const { total } = counts;
      const isEnough = total >= Math.min(successRateRequestVolume, failurePercentageRequestVolume);
      if (isEnough) suspect.rates[origin] = rate;
      if (total >= successRateRequestVolume) bySuccess.push({ suspect, rate });
      if (total >= failurePercentageRequestVolume) byFailure.push({ suspect, rate });
    }
    this.#judgeSuccess(origin, bySuccess);
    this.#judgeFailure(origin, byFailure);
  }

  #judgeSuccess(origin: ErrorOrigin, hosts: readonly Rated[]): void {
    const { successRateMinimumHosts, successRateStdevFactor } = this.config;
    if (hosts.length === 0 || hosts.length < successRateMinimumHosts) return;
    const rates = hosts.map(({ rate }) => rate);
    const found = rateThreshold(rates, successRateStdevFactor);
    this.thresholds[origin] = found;
    const kind = origin === "external" ? "success_rate" : "local_origin_success_rate";
    for (const { suspect, rate } of hosts) {
      if (rate < found.threshold) this.#detect(suspect, kind);
    }
  }

  #judgeFailure(origin: ErrorOrigin, hosts: readonly Rated[]): void {
    const { failurePercentageMinimumHosts, failurePercentageThreshold } = this.config;
    if (hosts.length === 0 || hosts.length < failurePercentageMinimumHosts) return;
    const kind = origin === "external" ? "failure_percentage" : "local_origin_failure_percentage";
    for (const { suspect, rate } of hosts) {
      if (100 - rate >= failurePercentageThreshold) this.#detect(suspect, kind);
    }
  }

  /** It is an outlier; whether it goes is another question (Envoy: ejectHost). */
  #detect(suspect: Suspect, kind: EjectionKind): void {
    if (!this.#suspects.has(suspect)) return;
    const { clock, random, stats } = this.#context;
    stats.countDetected(kind);
    // Its rate was judged before it was ejected for another reason.
    if (suspect.ejection.ejected) return;
    if (!this.#mayEject()) {
      stats.countOverflow();
      return;
    }
    stats.countEjectable(kind);
    const enforced = random.below(100) < this.#enforcing(kind);
    if (enforced) {
      suspect.ejection.eject(clock.now(), random);
      this.#countActive(1);
      stats.countEnforced(kind, clock.wall());
    }
    this.#owner.onEjected(suspect, kind, enforced);
  }

  /** Of all hosts, whatever their priority. */
  #mayEject(): boolean {
    const { alwaysEjectOneHost, maxEjectionPercent } = this.config;
    if (alwaysEjectOneHost && this.#active === 0) return true;
    return (100 * (this.#active + 1)) / this.#suspects.size <= Math.min(100, maxEjectionPercent);
  }

  /** Percent of its ejections that are real. */
  #enforcing(kind: EjectionKind): number {
    const { config } = this;
    switch (kind) {
      case "consecutive_5xx":
        return config.enforcingConsecutive5xx;
      case "consecutive_gateway_failure":
        return config.enforcingConsecutiveGatewayFailure;
      case "consecutive_local_origin_failure":
        return config.enforcingConsecutiveLocalOriginFailure;
      case "success_rate":
        return config.enforcingSuccessRate;
      case "failure_percentage":
        return config.enforcingFailurePercentage;
      case "local_origin_success_rate":
        return config.enforcingLocalOriginSuccessRate;
      case "local_origin_failure_percentage":
        return config.enforcingFailurePercentageLocalOrigin;
    }
  }

  /** Few new errors must not eject it again at once: it begins anew to count. */
  #takeBack(suspect: Suspect): void {
    const { clock, stats } = this.#context;
    const { ejection, record } = suspect;
    ejection.takeBack(clock.now());
    record.clear("5xx");
    record.clear("gateway");
    record.clear("localOrigin");
    this.#countActive(-1);
    stats.countReturned(clock.wall());
    this.#owner.onReturned(suspect);
  }

  #countActive(difference: number): void {
    this.#active += difference;
    this.#context.stats.active(difference);
  }
}
