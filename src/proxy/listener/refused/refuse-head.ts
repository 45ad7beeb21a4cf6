import type { RequestParser } from "../../../codec/h1/request-parser.ts";
import { reasonOf } from "../../../codec/h1/status.ts";
import { RULES, statusOf, type Violation } from "../../../codec/h1/violation.ts";
import type { CompiledHcm } from "../../compile/compiled-hcm.ts";
import { httpDate } from "../../filters/response-headers.ts";
import { refusalText } from "../../reply/refusal.ts";
import { RequestAccount } from "../../telemetry/account.ts";
import { FLAG_DPE } from "../../telemetry/response-flags.ts";
import type { SocketWriter } from "../../wire/socket-writer.ts";
import type { Accepted } from "../accepted.ts";
import { protocolOf, RefusedSource } from "./refused-source.ts";

/** The connection on which no request has come. */
export interface RefusingConnection {
  readonly hcm: CompiledHcm;
  readonly accepted: Accepted;
  readonly writer: SocketWriter;
}

interface Refusal {
  readonly status: number;
  readonly body: string;
  readonly flag: number;
  /** Envoy's response code details. */
  readonly details: string;
  readonly reason: string;
  readonly rule: string;
}

const HEAD_TIMEOUT: Refusal = {
  status: 408,
  body: reasonOf(408),
  flag: 0,
  details: "request_header_timeout",
  reason: "headTimeout",
  rule: "RFC 9110 section 15.5.9",
};

const UNDERSCORE: Refusal = {
  status: 400,
  body: reasonOf(400),
  flag: FLAG_DPE,
  details: "http1.unexpected_underscore",
  reason: "underscoreInName",
  rule: "headers_with_underscores_action",
};

/** Envoy: Http1ResponseCodeDetails; all others are `http1.codec_error`. */
const DETAILS: Readonly<Partial<Record<Violation, string>>> = {
  contentLengthAndTransferEncoding: "http1.content_length_and_chunked_not_allowed",
  badTransferEncoding: "http1.invalid_transfer_encoding",
  unsupportedTransferEncoding: "http1.invalid_transfer_encoding",
  headTooLarge: "http1.headers_too_large",
  targetTooLong: "http1.headers_too_large",
  tooManyHeaders: "http1.too_many_headers",
  badConnection: "http1.connection_header_rejected",
  ambiguousHeaderName: "http1.unexpected_underscore",
  missingHost: "missing_host_header",
};

function refusalFor(violation: Violation): Refusal {
  const status = statusOf(violation);
  const whole = violation === "missingHost";
  return {
    status,
    body: whole ? "" : reasonOf(status),
    flag: whole ? 0 : FLAG_DPE,
    details: DETAILS[violation] ?? "http1.codec_error",
    reason: violation,
    rule: RULES[violation],
  };
}

/** Answers a head that breaks a rule; the connection must end with it. `bytes`: its first ones. */
export function refuseHead(
  connection: RefusingConnection,
  parser: RequestParser,
  bytes: Buffer,
): void {
  const { violation } = parser;
  connection.hcm.account.http.count("downstream_cx_protocol_error");
  const head = violation === "missingHost" ? parser : undefined;
  refuse(connection, refusalFor(violation), bytes, head);
}

/** Names with underscores are not wanted (Envoy: REJECT_REQUEST). */
export function refuseUnderscores(connection: RefusingConnection, bytes: Buffer): void {
  connection.hcm.account.http.count("downstream_cx_protocol_error");
  refuse(connection, UNDERSCORE, bytes, undefined);
}

/** The head has not come in time. */
export function refuseLateHead(connection: RefusingConnection, bytes: Buffer): void {
  connection.hcm.account.http.count("downstream_rq_header_timeout");
  refuse(connection, HEAD_TIMEOUT, bytes, undefined);
}

function refuse(
  connection: RefusingConnection,
  refusal: Refusal,
  bytes: Buffer,
  head: RequestParser | undefined,
): void {
  const { hcm, accepted, writer } = connection;
  const { clock, telemetry } = hcm.context;
  const { status, body, reason, rule } = refusal;
  const account = new RequestAccount();
  const nowMs = clock.now();
  // Istio's metrics are a filter's, and no filter has seen it.
  account.begin({ ...hcm.account, standardMetrics: false }, nowMs);
  account.flags |= refusal.flag;
  account.details = refusal.details;
  account.responded(status);
  account.bodyBytesSent = body.length;
  writer.text(refusalText(status, body, httpDate(clock, nowMs), hcm.config.serverName));
  account.end(nowMs, new RefusedSource(account, connection, protocolOf(head), head));
  const peer = accepted.remoteAddress;
  const listener = hcm.account.http.prefix;
  telemetry.refused.add({ atMs: clock.wall(), listener, peer, reason, rule, status }, bytes);
}

/** Writes down a body that breaks a rule; its exchange answers. `at`: where it does. */
export function noteRefusedBody(
  { hcm, accepted }: RefusingConnection,
  violation: Violation,
  bytes: Buffer,
  at: number,
): void {
  hcm.account.http.count("downstream_cx_protocol_error");
  hcm.context.telemetry.refused.add(
    {
      atMs: hcm.context.clock.wall(),
      listener: hcm.account.http.prefix,
      peer: accepted.remoteAddress,
      reason: violation,
      rule: RULES[violation],
      status: statusOf(violation),
    },
    bytes.subarray(Math.max(0, at - 16), at + 16),
  );
}
