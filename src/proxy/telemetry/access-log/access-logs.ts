import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import { counter } from "../../../metrics/column.ts";
import type { Registry } from "../../../metrics/registry.ts";
import type { Table } from "../../../metrics/table.ts";
import type { AccessLog } from "../../../model/log/access-log.ts";
import type { FormatSource } from "../../format/source.ts";
import { FileStats } from "./file-stats.ts";
import { compileLogFormat, ENVOY_LOG_FORMAT, type LogFormat } from "./format.ts";
import { compileLogFilter, type LogFilter } from "./log-filter.ts";
import { type LineSink, LogSink, type SinkCounts } from "./log-sink.ts";
import type { AccessLogger } from "./logger.ts";

const PATHS_MAX = 100;

/** Opens what takes the lines of a path. Throws where that cannot be. */
export type OpenSink = (path: string, clock: Clock, counts: SinkCounts) => LineSink;

const openFile: OpenSink = (path, clock, counts) => new LogSink(path, clock, counts);

/** All access logs of a proxy: one sink a path, however many listeners and generations use it. */
export class AccessLogs {
  readonly #open: OpenSink;
  readonly #clock: Clock;
  readonly #table: Table;
  readonly #files: FileStats;
  readonly #sinks = new Map<string, LineSink>();

  constructor(registry: Registry, clock: Clock, open: OpenSink = openFile) {
    this.#open = open;
    this.#clock = clock;
    this.#files = new FileStats(registry);
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

  /**
   * Of a connection manager, a TCP proxy or a listener. `random` draws samples. Throws where a
   * format or a filter is invalid, or a file cannot be opened.
   */
  loggersOf(
    { accessLogs }: { readonly accessLogs: readonly AccessLog[] },
    random: Random,
  ): AccessLogger[] {
    const compiled = accessLogs.map(({ path, format, filter }) => ({
      path,
      format: compileLogFormat(format ?? ENVOY_LOG_FORMAT),
      filter: filter === undefined ? undefined : compileLogFilter(filter, random),
    }));
    return compiled.map(
      ({ path, format, filter }) => new LineLogger(format, filter, this.sink(path)),
    );
  }

  /** What takes the lines of a path. Throws where it cannot be opened. */
  sink(path: string): LineSink {
    let sink = this.#sinks.get(path);
    if (sink === undefined) {
      const counts = { cells: this.#table.row([path]).cells, files: this.#files };
      sink = this.#open(path, this.#clock, counts);
      this.#sinks.set(path, sink);
    }
    return sink;
  }

  /** Files that were moved away are left alone from now on (Envoy: `/reopen_logs`). */
  reopen(): void {
    for (const sink of this.#sinks.values()) sink.reopen();
  }

  /** Writes what is pending. Nothing may be logged afterwards. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#sinks.values(), (sink) => sink.close()));
    this.#sinks.clear();
  }
}

class LineLogger implements AccessLogger {
  readonly #format: LogFormat;
  readonly #filter: LogFilter | undefined;
  readonly #sink: LineSink;

  constructor(format: LogFormat, filter: LogFilter | undefined, sink: LineSink) {
    this.#format = format;
    this.#filter = filter;
    this.#sink = sink;
  }

  log(source: FormatSource): void {
    if (this.#filter?.(source) === false) return;
    this.#sink.write(this.#format.format(source));
  }
}
