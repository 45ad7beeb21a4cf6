import { closeSync, constants, openSync, write } from "node:fs";
import type { Clock, Timer } from "../../../base/clock.ts";
import { add } from "../../../metrics/cells.ts";
import type { FileStats } from "./file-stats.ts";

/** Lines wait this long for company, or until there are so many of them. */
const FLUSH_MS = 1000;
const FLUSH_CHARS = 64 * 1024;
/** More than this is not kept for a reader that stalls. */
const PENDING_CHARS_MAX = 1024 * 1024;

const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
const MODE = 0o644;

/** Cells of a sink's row. */
export const LINES = 0;
export const DROPPED = 1;

/** What a sink counts into. */
export interface SinkCounts {
  /** Of its path: lines, dropped lines. */
  readonly cells: Float64Array;
  /** Of all files together. */
  readonly files: FileStats;
}

const STANDARD: ReadonlyMap<string, number> = new Map([
  ["/dev/stdout", 1],
  ["/dev/stderr", 2],
]);

/** Writes bytes somewhere; calls back with how many were taken. The part of `node:fs` in use. */
export type WriteBytes = (
  fd: number,
  bytes: Buffer,
  done: (error: NodeJS.ErrnoException | null, written: number) => void,
) => void;

/** Takes lines and sees to it that they are written, whole and in their order. Never blocks. */
export interface LineSink {
  /** `text`: so many lines, each with its end. */
  write(text: string, lines?: number): void;
  /** What is at the path now is written to from now on: the old file was moved away. */
  reopen(): void;
  /** Hands on what is pending. */
  close(): Promise<void>;
}

/**
 * Appends lines to a file or stream. Never blocks: lines wait in memory for one write at a time,
 * and where the reader stalls or the disk is full they are dropped and counted.
 */
export class LogSink implements LineSink {
  readonly #path: string;
  #fd: number;
  /** Opened anew, for when nothing is being written. */
  #next: number | undefined;
  readonly #clock: Clock;
  readonly #cells: Float64Array;
  readonly #files: FileStats;
  readonly #write: WriteBytes;
  #lines: string[] = [];
  #chars = 0;
  #pendingLines = 0;
  /** What is being written, and how many lines that is. */
  #unwritten: Buffer = Buffer.alloc(0);
  #unwrittenLines = 0;
  #unwrittenChars = 0;
  #writing = false;
  #closed = false;
  #timer: Timer | undefined;
  #onIdle: (() => void)[] = [];

  /** Throws where the file cannot be opened. */
  constructor(path: string, clock: Clock, counts: SinkCounts, writeBytes: WriteBytes = write) {
    this.#path = path;
    this.#fd = openLog(path);
    this.#clock = clock;
    this.#cells = counts.cells;
    this.#files = counts.files;
    this.#write = writeBytes;
  }

  write(text: string, lines = 1): void {
    const pending = this.#chars + this.#unwritten.length + text.length;
    if (this.#closed || pending > PENDING_CHARS_MAX) {
      add(this.#cells, DROPPED, lines);
      return;
    }
    add(this.#cells, LINES, lines);
    this.#lines.push(text);
    this.#pendingLines += lines;
    this.#chars += text.length;
    this.#files.buffered(lines, text.length);
    if (this.#chars >= FLUSH_CHARS) this.#flush();
    else this.#wait();
  }

  reopen(): void {
    if (this.#closed || STANDARD.has(this.#path)) return;
    try {
      const opened = openLog(this.#path);
      if (this.#next !== undefined) closeSync(this.#next);
      this.#next = opened;
    } catch {
      this.#files.count("reopen_failed");
    }
    if (!this.#writing) this.#change();
  }

  /** Between two writes only: a line goes whole into one file. */
  #change(): void {
    if (this.#next === undefined || this.#unwritten.length > 0) return;
    if (this.#fd > 2) closeSync(this.#fd);
    this.#fd = this.#next;
    this.#next = undefined;
  }

  /** Writes what is pending; resolves when it is written or its reader does not take it. */
  async close(): Promise<void> {
    this.#closed = true;
    const idle = new Promise<void>((resolve) => {
      this.#onIdle.push(resolve);
    });
    this.#flush();
    await idle;
    this.#timer?.cancel();
    if (this.#fd > 2) closeSync(this.#fd);
    if (this.#next !== undefined) closeSync(this.#next);
    this.#next = undefined;
  }

  #wait(): void {
    this.#timer ??= this.#clock.after(FLUSH_MS, () => {
      this.#timer = undefined;
      this.#files.count("flushed_by_timer");
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#writing) return;
    if (this.#unwritten.length === 0) {
      this.#change();
      this.#unwritten = Buffer.from(this.#lines.join(""));
      this.#unwrittenChars = this.#chars;
      this.#unwrittenLines = this.#pendingLines;
      this.#pendingLines = 0;
      this.#lines = [];
      this.#chars = 0;
    }
    if (this.#unwritten.length === 0) {
      this.#settle();
      return;
    }
    this.#writing = true;
    this.#write(this.#fd, this.#unwritten, (error, written) => this.#written(error, written));
  }

  #written(error: NodeJS.ErrnoException | null, written: number): void {
    this.#writing = false;
    if (error?.code === "EAGAIN") {
      this.#settle();
      this.#wait();
      return;
    }
    if (error !== null) add(this.#cells, DROPPED, this.#unwrittenLines);
    this.#files.count(error === null ? "write_completed" : "write_failed");
    this.#unwritten = this.#unwritten.subarray(error === null ? written : this.#unwritten.length);
    if (this.#unwritten.length === 0) this.#settled();
    if (this.#unwritten.length > 0 || this.#chars >= FLUSH_CHARS || this.#onIdle.length > 0) {
      this.#flush();
    }
  }

  /** What was being written is, or is lost. */
  #settled(): void {
    this.#files.buffered(0, -this.#unwrittenChars);
    this.#unwrittenChars = 0;
    this.#change();
  }

  #settle(): void {
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }
}

/** Opened anew without blocking, so that a full pipe says so; as inherited where that fails. */
function openLog(path: string): number {
  const standard = STANDARD.get(path);
  try {
    return openSync(path, FLAGS, MODE);
  } catch (error) {
    if (standard !== undefined) return standard;
    throw error;
  }
}
