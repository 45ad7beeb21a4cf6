import type { Clock, Timer } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Registry } from "../../metrics/registry.ts";
import { backOffMs } from "../issuance/schedule.ts";
import { BundleMetrics } from "./bundle-metrics.ts";
import type { BundleStream, OpenBundleStream, ShownIdentity, StreamEnd } from "./bundle-stream.ts";
import { readBundle, type ToldBundle } from "./told-bundle.ts";

export interface BundleFollowerOptions {
  readonly open: OpenBundleStream;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  /** Another bundle holds from now on. */
  readonly onBundle: (bundle: ToldBundle) => void;
  /** The control plane does not accept the certificate that was shown. */
  readonly onRefused: () => void;
  readonly onNotice: (notice: string) => void;
}

/** Who gives out no bundles (istiod does not) is asked again, as it may be another one day. */
const NOT_SERVED_MS = 600_000;
/** A server that goes away refuses streams, too; one that does not believe us goes on with it. */
const REFUSALS = 2;
/** The same failure is told again after so long. */
const SAME_FAILURE_MS = 60_000;

/** Keeps the trust bundle up to date while there is a certificate to ask with. */
export class BundleFollower {
  readonly #options: BundleFollowerOptions;
  readonly #metrics: BundleMetrics;
  #shown: ShownIdentity | undefined;
  #stream: BundleStream | undefined;
  #retry: Timer | undefined;
  #failures = 0;
  /** Streams in a row that were refused. */
  #refusals = 0;
  #told = { text: "", at: Number.NEGATIVE_INFINITY };
  #stopped = false;

  constructor(options: BundleFollowerOptions) {
    this.#options = options;
    this.#metrics = new BundleMetrics(options.registry);
  }

  /** From now on this is shown and believed: another connection takes the place of the last. */
  show(shown: ShownIdentity): void {
    if (this.#stopped) return;
    this.#shown = shown;
    this.#refusals = 0;
    this.#connect();
  }

  /** The next connection shows and believes this; one that is open stays. */
  showNext(shown: ShownIdentity): void {
    this.#shown = shown;
  }

  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#stream?.close();
  }

  #connect(): void {
    this.#retry?.cancel();
    this.#stream?.close();
    if (this.#stopped || this.#shown === undefined) return;
    const stream = this.#options.open(this.#shown, {
      onAnswer: (resources) => this.#take(() => readBundle(resources)),
      onEnd: (end) => {
        if (this.#stream === stream) this.#ended(end);
      },
    });
    this.#stream = stream;
  }

  #take(read: () => ToldBundle): void {
    this.#failures = 0;
    this.#refusals = 0;
    this.#metrics.connected(true);
    let bundle: ToldBundle;
    try {
      bundle = read();
    } catch (error) {
      this.#metrics.refused();
      this.#tell(`the last good trust bundle stays: ${(error as Error).message}`);
      throw error;
    }
    this.#metrics.taken(bundle.revoked.size);
    this.#told = { text: "", at: Number.NEGATIVE_INFINITY };
    this.#options.onBundle(bundle);
  }

  #ended({ kind, reason }: StreamEnd): void {
    const { clock, onRefused, random } = this.#options;
    this.#stream = undefined;
    this.#metrics.connected(false);
    this.#metrics.lost();
    this.#failures += 1;
    const waitMs = kind === "not served" ? NOT_SERVED_MS : backOffMs(this.#failures, random);
    this.#retry = clock.after(waitMs, () => this.#connect());
    this.#tell(`the trust bundle is not followed (${reason}); again in ${waitMs} ms`, reason);
    this.#refusals = kind === "refused" ? this.#refusals + 1 : 0;
    if (this.#refusals >= REFUSALS) onRefused();
  }

  /** `same`: what makes two notices one. */
  #tell(notice: string, same: string = notice): void {
    const now = this.#options.clock.wall();
    if (this.#told.text === same && now < this.#told.at + SAME_FAILURE_MS) return;
    this.#told = { text: same, at: now };
    this.#options.onNotice(notice);
  }
}
