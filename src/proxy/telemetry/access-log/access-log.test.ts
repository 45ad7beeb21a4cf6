import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ANY_TEXT } from "../../../../test/support/arbitrary-text.ts";
import { SeededRandom } from "../../../base/random.ts";
import type { Fraction } from "../../../model/filter/fraction.ts";
import type {
  AccessLogFilter,
  AccessLogFormat,
  JsonFields,
  TextLogFormat,
} from "../../../model/log/access-log.ts";
import { EmptySource } from "../../format/source.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";
import { RequestAccount } from "../account.ts";
import { FLAG_UF, FLAG_URX } from "../response-flags.ts";
import { compileLogFormat, ENVOY_LOG_FORMAT } from "./format.ts";
import { compileLogFilter } from "./log-filter.ts";

const STARTED_AT = Date.UTC(2026, 10, 21, 4, 58, 7, 374);

class Source extends EmptySource {
  readonly #request: Readonly<Record<string, string>>;

  constructor(request: Readonly<Record<string, string>> = {}, account = accountOf()) {
    super(account);
    this.#request = request;
  }

  override startedAtWallMs(): number {
    return STARTED_AT;
  }

  override protocol(): string {
    return "HTTP/1.1";
  }

  override requestHeader(name: string): string | undefined {
    const headers: Readonly<Record<string, string>> = {
      ":method": "GET",
      ":path": "/reviews/1?a=b%20c&a=2&empty",
      ":authority": "reviews",
      ...this.#request,
    };
    return headers[name];
  }

  override responseHeader(name: string): string | undefined {
    return name === "x-envoy-upstream-service-time" ? "7" : undefined;
  }

  override responseTrailer(name: string): string | undefined {
    return name === "grpc-message" ? "gone" : undefined;
  }

  override upstreamHost(): string {
    return "10.0.0.2:9080";
  }

  override upstreamCluster(): string {
    return "outbound|9080||reviews";
  }

  override upstreamLocalAddress(): string {
    return "[::1]:40000";
  }

  override upstreamTransportFailureReason(): string {
    return "delayed connect error";
  }

  override downstreamLocalAddress(): string {
    return "10.0.0.1:9080";
  }

  override downstreamDirectRemoteAddress(): string {
    return "10.0.0.9:50000";
  }

  override downstreamTls(): TlsInfo {
    return TLS;
  }

  override routeName(): string {
    return "default";
  }

  override logType(): string {
    return "DownstreamEnd";
  }
}

const TLS: TlsInfo = {
  version: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  curve: "",
  serverName: "reviews",
  alpn: "h2",
  sessionReused: false,
  peer: {
    names: { dns: ["a.example", "b.example"], uri: ["spiffe://x/ns/y/sa/z"], email: [], ip: [] },
    identity: "spiffe://x/ns/y/sa/z",
    subject: "CN=z",
    issuer: "CN=root",
    serial: "0a",
    notBeforeMs: 1_790_000_000_000,
    notAfterMs: 1_800_000_000_000,
    sha256: "ab".repeat(32),
    spki: "",
    chain: [],
  },
  own: undefined,
};

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

function textOf(text: string, omitEmptyValues = false): TextLogFormat {
  return { kind: "text", text, omitEmptyValues };
}

function line(format: AccessLogFormat | string, request: Readonly<Record<string, string>> = {}) {
  const compiled = compileLogFormat(typeof format === "string" ? textOf(format) : format);
  return compiled.format(new Source(request));
}

function jsonOf(fields: JsonFields, omitEmptyValues = false): string {
  return line({ kind: "json", fields, omitEmptyValues });
}

describe("a log line", () => {
  it("is Envoy's where no format is given", () => {
    expect(line(ENVOY_LOG_FORMAT, { "user-agent": "curl/8" })).toBe(
      '[2026-11-21T04:58:07.374Z] "GET /reviews/1?a=b%20c&a=2&empty HTTP/1.1" ' +
        '503 URX,UF 3 91 12 7 "-" "curl/8" "-" "reviews" "10.0.0.2:9080"\n',
    );
  });

  it.each([
    ["%REQ(X?:PATH)%", "/reviews/1?a=b%20c&a=2&empty"],
    ["%PATH(NQ)%|%PATH(WQ:ORIG)%|%QUERY_PARAMS%", "/reviews/1|-|a=b%20c&a=2&empty"],
    ["%QUERY_PARAM(a)%|%QUERY_PARAM(a):1%|%QUERY_PARAM(empty)%|%QUERY_PARAM(z)%", "b c|b||-"],
    [
      "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)% %COMMON_DURATION(DS_RX_BEG:US_RX_BEG:ms)%",
      "12700 -",
    ],
    ["%DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_PEER_DNS_SAN%", "TLSv1.3 a.example,b.example"],
    ["%DOWNSTREAM_PEER_URI_SAN% %DOWNSTREAM_PEER_IP_SAN%", "spiffe://x/ns/y/sa/z -"],
    ["%UPSTREAM_TLS_VERSION% %VIRTUAL_CLUSTER_NAME%", "- -"],
    [
      "%RESPONSE_CODE_DETAILS%|%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%",
      "upstream_reset|upstream reset",
    ],
    ["%EMIT_TIME(%s.%3f)% %ACCESS_LOG_TYPE%", "1795237087.386 DownstreamEnd"],
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
    const compiled = compileLogFormat(textOf(`${format} %GRPC_STATUS_NUMBER%`));
    const written = compiled.format(new Source({}, account));
    expect(written).toBe("ResourceExhausted RESOURCE_EXHAUSTED 8 8");
  });

  it("cannot be forged by what a client sends", () => {
    const hostile = { "user-agent": 'a"\r\n[now] "GET \\ \x1b[2J\x00\x85é\u2028' };
    expect(line('"%REQ(USER-AGENT)%"\n', hostile)).toBe(
      '"a\\"\\x0D\\x0A[now] \\"GET \\\\ \\x1B[2J\\x00\\x85\\xE9\\u2028"\n',
    );
    fc.assert(
      fc.property(ANY_TEXT, (value) => {
        const written = line('"%REQ(x)%"', { x: value });
        expect(written).toMatch(/^"(?:[^"\\]|\\.)*"$/);
        expect(written).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });
});

describe("a line of JSON", () => {
  it("keeps types, sorts keys and nests", () => {
    const written = jsonOf({
      z: "%DURATION%",
      code: "%RESPONSE_CODE% %PROTOCOL%",
      nested: { list: [1, "%BYTES_SENT%", { flags: "%RESPONSE_FLAGS%" }], on: true, none: null },
      missing: "%REQ(X)%",
    });
    expect(written).toBe(
      '{"code":"503 HTTP/1.1","missing":null,' +
        '"nested":{"list":[1,91,{"flags":"URX,UF"}],"none":null,"on":true},"z":12}\n',
    );
  });

  it("leaves out what has no value where it is told to", () => {
    const fields = { a: "%REQ(X)%", b: { c: "%REQ(X)%" }, d: "x%REQ(X)%", e: [null, "%REQ(X)%"] };
    expect(jsonOf(fields)).toBe('{"a":null,"b":{"c":null},"d":"x-","e":[null,null]}\n');
    expect(jsonOf(fields, true)).toBe('{"d":"x","e":[]}\n');
    expect(jsonOf({ a: "%REQ(X)%" }, true)).toBe("{}\n");
  });

  it("is one line of JSON whatever a client sends", () => {
    const format = {
      kind: "json",
      fields: { 'k"': "%REQ(x)%", mixed: "é %REQ(x)%" },
      omitEmptyValues: false,
    } as const;
    const utf8 = Buffer.from("é", "utf8").toString("latin1");
    expect(JSON.parse(line(format, { x: utf8 }))).toEqual({ 'k"': "é", mixed: "é é" });
    expect(line(format, { x: "\xe9\x9b" })).toContain("\\u00e9\\u009b");
    fc.assert(
      fc.property(
        fc.string({ unit: fc.nat(255).map((byte) => String.fromCharCode(byte)) }),
        (x) => {
          const written = line(format, { x });
          expect(Object.keys(JSON.parse(written))).toEqual(['k"', "mixed"]);
          expect(written.slice(0, -1)).toMatch(/^[\x20-\x7e\xa0-\uffff]*$/);
        },
      ),
    );
  });
});

describe("a format", () => {
  it("is refused with everything that is wrong, and where", () => {
    const compile = (): unknown =>
      compileLogFormat(textOf("a %FOO% %PROTOCOL(x)% 5% %REQ()% %START_TIME(%Q)% %toString%"));
    expect(compile).toThrow(/at character 3, %FOO%: FOO is none of the operators /);
    expect(compile).toThrow("at character 9, %PROTOCOL(x)%: PROTOCOL takes no argument");
    expect(compile).toThrow("at character 24, %: no operator begins here");
    expect(compile).toThrow("at character 26, %REQ()%: REQ takes one or two names");
    expect(() => compileLogFormat(textOf("%GRPC_STATUS(snake)%"))).toThrow(
      "GRPC_STATUS takes one of CAMEL_STRING, SNAKE_STRING, NUMBER",
    );
    expect(compile).toThrow("%START_TIME(%Q)%: the time format %Q is not known");
    const metadata = (): unknown => compileLogFormat(textOf("%METADATA(ROUTE:a:b)%"));
    expect(metadata).toThrow("METADATA is not executed: metadata is not read here");
    expect(() => compileLogFormat(textOf("%PROTOCOL:3%"))).toThrow("PROTOCOL takes no length");
    expect(() => jsonOf({ a: { b: ["%FOO%"] }, c: "%BAR%" })).toThrow(
      /json a\.b\[0\]: .*FOO is none.*; json c: .*BAR is none/,
    );
  });
});

const random = new SeededRandom(1);

describe("a filter", () => {
  const header = {
    name: "x-log",
    value: { kind: "exact", value: "yes", ignoreCase: false },
    invert: false,
    missingAsEmpty: false,
  } as const;
  const half = { numerator: 50, denominator: 100 } as const;
  const never = { kind: "statusCode", operator: "equal", value: 1 } as const;

  it.each<[string, AccessLogFilter, Readonly<Record<string, string>>, boolean]>([
    ["a status", { kind: "statusCode", operator: "equal", value: 503 }, {}, true],
    ["another status", { kind: "statusCode", operator: "atMost", value: 499 }, {}, false],
    ["a duration in whole ms", { kind: "duration", operator: "atLeast", value: 12 }, {}, true],
    ["a longer duration", { kind: "duration", operator: "atLeast", value: 13 }, {}, false],
    ["what is no health check", { kind: "notHealthCheck" }, {}, true],
    ["a header", { kind: "header", header }, { "x-log": "yes" }, true],
    ["a header that is missing", { kind: "header", header }, {}, false],
    ["any flag", { kind: "responseFlag", flags: [] }, {}, true],
    ["a flag", { kind: "responseFlag", flags: ["NR", "UF"] }, {}, true],
    ["another flag", { kind: "responseFlag", flags: ["NR"] }, {}, false],
    ["a gRPC status", { kind: "grpcStatus", statuses: [14], exclude: false }, {}, true],
    ["but a gRPC status", { kind: "grpcStatus", statuses: [14], exclude: true }, {}, false],
    ["a type of log", { kind: "logType", types: ["DownstreamEnd"], exclude: false }, {}, true],
    ["another type", { kind: "logType", types: ["DownstreamEnd"], exclude: true }, {}, false],
    ["both of two", { kind: "and", filters: [{ kind: "notHealthCheck" }, never] }, {}, false],
    ["one of two", { kind: "or", filters: [never, { kind: "notHealthCheck" }] }, {}, true],
    // 0x00000031 is 49, 0x00000032 is 50.
    ["a sample", sampleOf(half), { "x-request-id": "00000031-0000" }, true],
    ["what is no sample", sampleOf(half), { "x-request-id": "00000032-0000" }, false],
  ])("takes %s", (_, filter, request, taken) => {
    expect(compileLogFilter(filter, random)(new Source(request))).toBe(taken);
  });

  it("draws a sample of requests that have no id", () => {
    const filter = compileLogFilter(sampleOf(half), new SeededRandom(7));
    const drawn = Array.from({ length: 1000 }, () => filter(new Source())).filter(Boolean);
    expect(drawn.length).toBeGreaterThan(430);
    expect(drawn.length).toBeLessThan(570);
  });

  function sampleOf(fraction: Fraction): AccessLogFilter {
    return { kind: "sample", fraction, independent: false };
  }
});
