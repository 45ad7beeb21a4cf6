import type { Clock, Timer } from "../../base/clock.ts";
import type { Discouraging } from "../listener/listener-set.ts";

/** Envoy: admin.v3.ServerInfo.State, as far as a proxy gets into it. */
export type ServerState = "INITIALIZING" | "LIVE" | "DRAINING";

/** How a proxy leaves. */
export interface DrainTimes {
  /** From the beginning to the end: what is still open then is cut (Envoy: --drain-time-s). */
  readonly drainMs: number;
  /** So long connections are accepted on, as clients hear of the end only bit by bit. */
  readonly acceptMs: number;
}

/** Kubernetes gives a pod 30 seconds where nothing else is said. */
export const DRAIN_TIMES: DrainTimes = { drainMs: 25_000, acceptMs: 5000 };

/** What leaving needs of a data plane; `Plane` of proxy/main.ts has it. */
export interface Leaving {
  discourage(discouraging: Discouraging | undefined): void;
  drain(discouraging: Discouraging): void;
  stop(graceMs: number, patienceMs: number): Promise<void>;
}

/** What `POST /drain_listeners` was asked (Envoy: operations/admin). */
export interface DrainOptions {
  /** Only listeners whose direction is INBOUND. */
  readonly inboundOnly: boolean;
  /** Discourages clients for the drain time before listeners close. */
  readonly graceful: boolean;
  /** With `graceful`: the listeners do not close then. */
  readonly skipExit: boolean;
}

/** The most that an idle client waits for its connection's end (Envoy: drain_timeout). */
const PATIENCE_MAX_MS = 5000;

/**
 * A proxy from its first configuration to its end, as its neighbours are told of it.
 *
 * ```
 *   INITIALIZING -> LIVE <-> DRAINING -> ended      back to LIVE: only by /healthcheck/ok
 * ```
 */
export class Lifecycle {
  readonly #plane: Leaving;
  readonly #clock: Clock;
  readonly #times: DrainTimes;
  readonly #initialized: () => boolean;
  #failed = false;
  #leaving = false;
  #drainEnd: Timer | undefined;

  /** `initialized`: there is a configuration, and it is served. */
  constructor(plane: Leaving, clock: Clock, times: DrainTimes, initialized: () => boolean) {
    this.#plane = plane;
    this.#clock = clock;
    this.#times = times;
    this.#initialized = initialized;
  }

  get state(): ServerState {
    if (this.#failed || this.#leaving) return "DRAINING";
    return this.#initialized() ? "LIVE" : "INITIALIZING";
  }

  /** Envoy: /healthcheck/fail. No new traffic shall be sent; what comes is served. */
  failHealthCheck(): void {
    this.#failed = true;
    this.#plane.discourage(this.#discouraging(false));
  }

  /** Envoy: /healthcheck/ok. */
  passHealthCheck(): void {
    this.#failed = false;
    if (!this.#leaving) this.#plane.discourage(undefined);
  }

  /** Envoy: /drain_listeners. */
  drainListeners({ graceful, inboundOnly, skipExit }: DrainOptions): void {
    const discouraging = this.#discouraging(inboundOnly);
    if (!graceful) {
      this.#plane.drain(discouraging);
      return;
    }
    if (this.#drainEnd !== undefined) return;
    this.#plane.discourage(discouraging);
    if (skipExit) return;
    this.#drainEnd = this.#clock.after(this.#times.drainMs, () => {
      this.#plane.drain(discouraging);
    });
  }

  /**
   * Leaves without breaking off a request: says so everywhere, accepts on for a while, then ends
   * what is under way, at the latest after the drain time.
   */
  async leave(times: DrainTimes): Promise<void> {
    const acceptMs = Math.min(times.acceptMs, times.drainMs);
    this.#leaving = true;
    this.#drainEnd?.cancel();
    if (acceptMs > 0) {
      const patienceMs = Math.min(acceptMs, PATIENCE_MAX_MS);
      this.#plane.discourage({ inboundOnly: false, patienceMs });
      await new Promise<void>((resolve) => {
        this.#clock.after(acceptMs, resolve);
      });
    }
    await this.#plane.stop(times.drainMs - acceptMs, 0);
  }

  /** A successor accepts now, at the same sockets: as `leave`, without accepting on. */
  async makeWay(): Promise<void> {
    this.#leaving = true;
    this.#drainEnd?.cancel();
    await this.#plane.stop(this.#times.drainMs, PATIENCE_MAX_MS);
  }

  #discouraging(inboundOnly: boolean): Discouraging {
    return { inboundOnly, patienceMs: PATIENCE_MAX_MS };
  }
}
