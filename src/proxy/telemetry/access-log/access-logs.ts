import type { Clock } from "../../../base/clock.ts";
import { counter } from "../../../metrics/column.ts";
import type { Registry } from "../../../metrics/registry.ts";
import type { Table } from "../../../metrics/table.ts";
import type { AccessLog } from "../../../model/listener.ts";
import type { RequestAccount } from "../account.ts";
import { compileLogFormat, ENVOY_LOG_FORMAT, type LogFormat } from "./format.ts";
import { LogSink } from "./log-sink.ts";
import type { AccessLogger, LogSource } from "./logger.ts";

const PATHS_MAX = 100;

/** All access logs of a proxy: one sink a path, however many listeners and generations use it. */
export class AccessLogs {
  readonly #clock: Clock;
  readonly #table: Table;
  readonly #sinks = new Map<string, LogSink>();

  constructor(registry: Registry, clock: Clock) {
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
    return compiled.map(
      ({ path, format }) => new LineLogger(format, this.#sink(path), this.#clock),
    );
  }

  /** Writes what is pending. Nothing may be logged afterwards. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#sinks.values(), (sink) => sink.close()));
    this.#sinks.clear();
  }

  #sink(path: string): LogSink {
    let sink = this.#sinks.get(path);
    if (sink === undefined) {
      sink = new LogSink(path, this.#clock, this.#table.row([path]).cells);
      this.#sinks.set(path, sink);
    }
    return sink;
  }
}

class LineLogger implements AccessLogger {
  readonly #format: LogFormat;
  readonly #sink: LogSink;
  readonly #clock: Clock;

  constructor(format: LogFormat, sink: LogSink, clock: Clock) {
    this.#format = format;
    this.#sink = sink;
    this.#clock = clock;
  }

  log(account: RequestAccount, source: LogSource): void {
    const startedAtWallMs = this.#clock.wall() - (this.#clock.now() - account.startedAtMs);
    this.#sink.write(this.#format.format({ account, source, startedAtWallMs }));
  }
}
