import type { Clock } from "../../../base/clock.ts";
import { counter } from "../../../metrics/column.ts";
import type { Registry } from "../../../metrics/registry.ts";
import type { Table } from "../../../metrics/table.ts";
import type { AccessLog } from "../../../model/listener.ts";
import type { RequestAccount } from "../account.ts";
import { compileLogFormat, ENVOY_LOG_FORMAT, type LogFormat } from "./format.ts";
import { type LineSink, LogSink } from "./log-sink.ts";
import type { AccessLogger, LogSource } from "./logger.ts";

const PATHS_MAX = 100;

/** Opens what takes the lines of a path. Throws where that cannot be. `cells`: see `LogSink`. */
export type OpenSink = (path: string, clock: Clock, cells: Float64Array) => LineSink;

const openFile: OpenSink = (path, clock, cells) => new LogSink(path, clock, cells);

/** All access logs of a proxy: one sink a path, however many listeners and generations use it. */
export class AccessLogs {
  readonly #open: OpenSink;
  readonly #clock: Clock;
  readonly #table: Table;
  readonly #sinks = new Map<string, LineSink>();

  constructor(registry: Registry, clock: Clock, open: OpenSink = openFile) {
    this.#open = open;
    this.#clock = clock;
    this.#table = registry.table({
      name: "access_log",
      columns: [
        counter("outrigger_access_log_lines_total", "Access log lines written."),
        counter(
          "outrigger_access_log_dropped_lines_total",
          "Access log lines lost: the reader stalled, or writing failed.",
        ),
      ],
      labelNames: ["path"],
      rowsMax: PATHS_MAX,
    });
  }

  /** Throws where a format is invalid or a file cannot be opened. */
  loggersOf({ accessLogs }: { readonly accessLogs: readonly AccessLog[] }): AccessLogger[] {
    const compiled = accessLogs.map(({ path, format }) => ({
      path,
      format: compileLogFormat(format ?? ENVOY_LOG_FORMAT),
    }));
    return compiled.map(({ path, format }) => new LineLogger(format, this.sink(path), this.#clock));
  }

  /** What takes the lines of a path. Throws where it cannot be opened. */
  sink(path: string): LineSink {
    let sink = this.#sinks.get(path);
    if (sink === undefined) {
      sink = this.#open(path, this.#clock, this.#table.row([path]).cells);
      this.#sinks.set(path, sink);
    }
    return sink;
  }

  /** Writes what is pending. Nothing may be logged afterwards. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#sinks.values(), (sink) => sink.close()));
    this.#sinks.clear();
  }
}

class LineLogger implements AccessLogger {
  readonly #format: LogFormat;
  readonly #sink: LineSink;
  readonly #clock: Clock;

  constructor(format: LogFormat, sink: LineSink, clock: Clock) {
    this.#format = format;
    this.#sink = sink;
    this.#clock = clock;
  }

  log(account: RequestAccount, source: LogSource): void {
    const startedAtWallMs = this.#clock.wall() - (this.#clock.now() - account.startedAtMs);
    this.#sink.write(this.#format.format({ account, source, startedAtWallMs }));
  }
}
