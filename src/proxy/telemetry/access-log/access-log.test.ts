import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../base/clock.ts";
import { Registry } from "../../../metrics/registry.ts";
import { RequestAccount } from "../account.ts";
import { FLAG_UF, FLAG_URX } from "../response-flags.ts";
import { AccessLogs } from "./access-logs.ts";
import { compileLogFormat, ENVOY_LOG_FORMAT, ISTIO_LOG_FORMAT } from "./format.ts";
import { DROPPED, LINES, LogSink, type WriteBytes } from "./log-sink.ts";
import type { LogSource } from "./logger.ts";

const STARTED_AT = Date.UTC(2026, 10, 21, 4, 58, 7, 374);

function sourceOf(request: Readonly<Record<string, string>> = {}): LogSource {
  const headers: Readonly<Record<string, string>> = {
    ":method": "GET",
    ":path": "/reviews/1",
    ":authority": "reviews",
    ...request,
  };
  return {
    protocol: () => "HTTP/1.1",
    requestHeader: (name) => headers[name] ?? "",
    responseHeader: (name) => (name === "x-envoy-upstream-service-time" ? "7" : ""),
    responseTrailer: (name) => (name === "grpc-message" ? "gone" : ""),
    upstreamHost: () => "10.0.0.2:9080",
    upstreamCluster: () => "outbound|9080||reviews",
    upstreamLocalAddress: () => "[::1]:40000",
    upstreamTransportFailureReason: () => "delayed connect error",
    downstreamLocalAddress: () => "10.0.0.1:9080",
    downstreamRemoteAddress: () => "10.0.0.9:50000",
    connectionTerminationDetails: () => "",
    requestedServerName: () => "",
    routeName: () => "default",
  };
}

function accountOf(): RequestAccount {
  const account = new RequestAccount();
  account.startedAtMs = 1000.2;
  account.endedAtMs = 1012.9;
  account.code = 503;
  account.flags = FLAG_UF | FLAG_URX;
  account.details = "upstream reset";
  account.bodyBytesReceived = 3;
  account.bodyBytesSent = 91;
  account.attempts = 2;
  return account;
}

function line(format: string, request: Readonly<Record<string, string>> = {}): string {
  const source = sourceOf(request);
  const entry = { account: accountOf(), source, startedAtWallMs: STARTED_AT };
  return compileLogFormat(format).format(entry);
}

describe("a log line", () => {
  it("is Envoy's where no format is given", () => {
    expect(line(ENVOY_LOG_FORMAT, { "user-agent": "curl/8" })).toBe(
      '[2026-11-21T04:58:07.374Z] "GET /reviews/1 HTTP/1.1" 503 URX,UF 3 91 12 7 ' +
        '"-" "curl/8" "-" "reviews" "10.0.0.2:9080"\n',
    );
  });

  it("is Istio's in its format", () => {
    expect(line(ISTIO_LOG_FORMAT)).toBe(
      '[2026-11-21T04:58:07.374Z] "GET /reviews/1 HTTP/1.1" 503 URX,UF upstream_reset - ' +
        '"delayed_connect_error" 3 91 12 7 "-" "-" "-" "reviews" "10.0.0.2:9080" ' +
        "outbound|9080||reviews [::1]:40000 10.0.0.1:9080 10.0.0.9:50000 - default\n",
    );
  });

  it.each([
    ["%REQ(X?:PATH)%", "/reviews/1"],
    ["%REQ(:path):4%", "/rev"],
    ["100%%", "100%"],
    ["%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %UPSTREAM_LOCAL_PORT%", "::1 40000"],
    [
      "%START_TIME(%s)% %START_TIME(%Y/%m/%d %H:%M:%S.%6f)%",
      "1795237087 2026/11/21 04:58:07.374000",
    ],
    ["%RESPONSE_FLAGS_LONG%", "UpstreamRetryLimitExceeded,UpstreamConnectionFailure"],
    ["%GRPC_STATUS% %REQUEST_DURATION%", "- -"],
    ["%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "2"],
    ["%TRAILER(GRPC-STATUS?GRPC-MESSAGE)% %TRAILER(X)%", "gone -"],
    ["", ""],
  ])("writes %s as %s", (format, expected) => {
    expect(line(format)).toBe(expected);
  });

  it("spells gRPC's status in three ways", () => {
    const account = accountOf();
    account.grpcStatus = 8;
    const format = "%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)%";
    const entry = { account, source: sourceOf(), startedAtWallMs: STARTED_AT };
    const written = compileLogFormat(`${format} %GRPC_STATUS_NUMBER%`).format(entry);
    expect(written).toBe("ResourceExhausted RESOURCE_EXHAUSTED 8 8");
  });

  it("cannot be forged by what a client sends", () => {
    const hostile = { "user-agent": 'a"\r\n[now] "GET \\ \x1b[2J\x00\x85é\u2028' };
    expect(line('"%REQ(USER-AGENT)%"\n', hostile)).toBe(
      '"a\\"\\x0D\\x0A[now] \\"GET \\\\ \\x1B[2J\\x00\\x85\\xE9\\u2028"\n',
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        const written = line('"%REQ(x)%"', { x: value });
        expect(written).toMatch(/^"(?:[^"\\]|\\.)*"$/);
        expect(written).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });
});

describe("a format", () => {
  it("is refused with everything that is wrong, and where", () => {
    const compile = (): unknown =>
      compileLogFormat("a %FOO% %PROTOCOL(x)% 5% %REQ()% %START_TIME(%Q)% %toString%");
    expect(compile).toThrow(/at character 3, %FOO%: FOO is none of the operators BYTES_RECEIVED,/);
    expect(compile).toThrow("at character 9, %PROTOCOL(x)%: PROTOCOL takes no argument");
    expect(compile).toThrow("at character 24, %: no operator begins here");
    expect(compile).toThrow("at character 26, %REQ()%: REQ takes one or two names");
    expect(() => compileLogFormat("%GRPC_STATUS(snake)%")).toThrow(
      "GRPC_STATUS takes one of CAMEL_STRING, SNAKE_STRING, NUMBER",
    );
    expect(compile).toThrow("%START_TIME(%Q)%: the time format %Q is not known");
  });
});

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
    const first = logs.loggersOf({ accessLogs: [{ path: file, format: "%RESPONSE_CODE%\n" }] });
    const second = logs.loggersOf({ accessLogs: [{ path: file, format: "%PROTOCOL%\n" }] });
    for (const logger of [...first, ...second]) logger.log(accountOf(), sourceOf());
    await logs.close();
    expect(fs.readFileSync(file, "utf8")).toBe("before\n503\nHTTP/1.1\n");
  });

  it("are refused where they cannot be opened, and none is opened for a wrong format", () => {
    const logs = new AccessLogs(registry, clock);
    const nowhere = [{ path: path.join(folder, "no", "log"), format: undefined }];
    expect(() => logs.loggersOf({ accessLogs: nowhere })).toThrow("ENOENT");
    const file = path.join(folder, "access.log");
    const wrong = [
      { path: file, format: undefined },
      { path: file, format: "%FOO%" },
    ];
    expect(() => logs.loggersOf({ accessLogs: wrong })).toThrow("FOO");
    expect(fs.existsSync(file)).toBe(false);
  });
});

/** A file that takes what a test lets it take. */
class Pipe {
  readonly cells: Float64Array = new Float64Array(2);
  readonly clock: VirtualClock = new VirtualClock();
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
    this.sink = new LogSink("/dev/null", this.clock, this.cells, writeBytes);
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
