import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../base/clock.ts";
import { SeededRandom } from "../../../base/random.ts";
import { Registry } from "../../../metrics/registry.ts";
import { renderPrometheus } from "../../../metrics/text-format.ts";
import type { AccessLog, AccessLogFilter } from "../../../model/log/access-log.ts";
import { EmptySource } from "../../format/source.ts";
import { RequestAccount } from "../account.ts";
import { AccessLogs } from "./access-logs.ts";
import { FileStats } from "./file-stats.ts";
import { DROPPED, LINES, LogSink, type WriteBytes } from "./log-sink.ts";

const random = new SeededRandom(1);
const account = Object.assign(new RequestAccount(), { code: 503 });

function logOf(path: string, text?: string, filter?: AccessLogFilter): AccessLog {
  return {
    path,
    format:
      text === undefined ? undefined : { kind: "text" as const, text, omitEmptyValues: false },
    filter,
  };
}

describe("log files", () => {
  let folder: string;
  let clock: VirtualClock;
  let registry: Registry;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-log-"));
    clock = new VirtualClock();
    registry = new Registry();
  });

  afterEach(() => {
    fs.rmSync(folder, { recursive: true });
  });

  it("are appended to, by all that name the same path", async () => {
    const file = path.join(folder, "access.log");
    fs.writeFileSync(file, "before\n");
    const logs = new AccessLogs(registry, clock);
    const first = logs.loggersOf({ accessLogs: [logOf(file, "%RESPONSE_CODE%\n")] }, random);
    const second = logs.loggersOf({ accessLogs: [logOf(file, "%PROTOCOL%\n")] }, random);
    for (const logger of [...first, ...second]) logger.log(new EmptySource(account));
    await logs.close();
    expect(fs.readFileSync(file, "utf8")).toBe("before\n503\n-\n");
  });

  it("have the lines that their filter takes", async () => {
    const file = path.join(folder, "access.log");
    const logs = new AccessLogs(registry, clock);
    const wanted: AccessLogFilter = { kind: "statusCode", operator: "atLeast", value: 600 };
    const accessLogs = [logOf(file, "all\n"), logOf(file, "some\n", wanted)];
    for (const logger of logs.loggersOf({ accessLogs }, random))
      logger.log(new EmptySource(account));
    await logs.close();
    expect(fs.readFileSync(file, "utf8")).toBe("all\n");
  });

  it("are opened again, without a line lost", async () => {
    const file = path.join(folder, "access.log");
    const logs = new AccessLogs(registry, clock);
    const [logger] = logs.loggersOf({ accessLogs: [logOf(file, "%RESPONSE_CODE%\n")] }, random);
    logger?.log(new EmptySource(account));
    fs.renameSync(file, `${file}.1`);
    logs.reopen();
    await logs.close();
    const both = ["access.log.1", "access.log"].map((name) => path.join(folder, name));
    expect(both.map((name) => fs.readFileSync(name, "utf8")).join("")).toBe("503\n");
    expect(fs.existsSync(file)).toBe(true);
  });

  it("stay what they are where they cannot be opened again", async () => {
    const file = path.join(folder, "logs", "access.log");
    fs.mkdirSync(path.dirname(file));
    const logs = new AccessLogs(registry, clock);
    const sink = logs.sink(file);
    fs.renameSync(path.dirname(file), path.join(folder, "moved"));
    logs.reopen();
    sink.write("kept\n");
    await logs.close();
    expect(fs.readFileSync(path.join(folder, "moved", "access.log"), "utf8")).toBe("kept\n");
    const text = [...renderPrometheus(registry)].join("");
    expect(text).toContain("\nenvoy_filesystem_reopen_failed 1\n");
  });

  it("are refused where they cannot be opened, and none is opened for a wrong format", () => {
    const logs = new AccessLogs(registry, clock);
    const nowhere = [logOf(path.join(folder, "no", "log"))];
    expect(() => logs.loggersOf({ accessLogs: nowhere }, random)).toThrow("ENOENT");
    const file = path.join(folder, "access.log");
    const wrong = [logOf(file), logOf(file, "%FOO%")];
    expect(() => logs.loggersOf({ accessLogs: wrong }, random)).toThrow("FOO");
    expect(fs.existsSync(file)).toBe(false);
  });
});

/** A file that takes what a test lets it take. */
class Pipe {
  readonly cells: Float64Array = new Float64Array(2);
  readonly clock: VirtualClock = new VirtualClock();
  readonly registry: Registry = new Registry();
  readonly writes: string[] = [];
  /** What the next writes do: take so many bytes, or fail. */
  answers: (number | "EAGAIN" | "ENOSPC")[] = [];
  readonly sink: LogSink;

  constructor() {
    const writeBytes: WriteBytes = (_, bytes, done) => {
      const answer = this.answers.shift() ?? bytes.length;
      const error = Object.assign(new Error("no"), { code: String(answer) });
      if (typeof answer === "string") return done(error, 0);
      this.writes.push(bytes.subarray(0, answer).toString());
      done(null, answer);
    };
    const counts = { cells: this.cells, files: new FileStats(this.registry) };
    this.sink = new LogSink("/dev/null", this.clock, counts, writeBytes);
  }
}

describe("a log's sink", () => {
  it("gathers lines for a second, or until there are many", () => {
    const { clock, sink, writes } = new Pipe();
    sink.write("a\n");
    sink.write("b\n");
    expect(writes).toEqual([]);
    clock.advance(1000);
    expect(writes).toEqual(["a\nb\n"]);
    sink.write("c".repeat(70_000));
    expect(writes).toHaveLength(2);
  });

  it("goes on where a write took only a part", () => {
    const pipe = new Pipe();
    pipe.answers = [3];
    pipe.sink.write("abcdef\n");
    pipe.clock.advance(1000);
    expect(pipe.writes).toEqual(["abc", "def\n"]);
  });

  it("waits for a reader that stalls, and drops and counts what does not fit", () => {
    const pipe = new Pipe();
    pipe.answers = Array<"EAGAIN">(30).fill("EAGAIN");
    const long = "x".repeat(64 * 1024);
    for (let i = 0; i < 30; i++) pipe.sink.write(long);
    expect(pipe.cells[LINES]).toBe(16);
    expect(pipe.cells[DROPPED]).toBe(14);
    pipe.answers = [];
    pipe.clock.advance(2000);
    expect(pipe.writes.join("")).toHaveLength(16 * 64 * 1024);
    pipe.sink.write("again\n");
    pipe.clock.advance(1000);
    expect(pipe.writes.at(-1)).toBe("again\n");
  });

  it("counts what a full disk loses, and tries again", () => {
    const pipe = new Pipe();
    pipe.answers = ["ENOSPC"];
    pipe.sink.write("lost\n");
    pipe.clock.advance(1000);
    pipe.sink.write("kept\n");
    pipe.clock.advance(1000);
    expect(pipe.writes).toEqual(["kept\n"]);
    expect(pipe.cells[DROPPED]).toBe(1);
  });

  it("takes nothing more once closed", async () => {
    const pipe = new Pipe();
    pipe.sink.write("last\n");
    await pipe.sink.close();
    pipe.sink.write("late\n");
    expect(pipe.writes).toEqual(["last\n"]);
    expect(pipe.cells[DROPPED]).toBe(1);
  });
});
