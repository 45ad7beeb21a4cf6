import { ENHANCE_YOUR_CALM, type ErrorCode, PROTOCOL_ERROR } from "../../../codec/h2/error-code.ts";
import { RequestAccount } from "../../telemetry/account.ts";
import { FLAG_DC, FLAG_DPE, FLAG_DR } from "../../telemetry/response-flags.ts";
import { type RefusedConnection, RefusedSource } from "./refused-source.ts";

const NO_BYTES = new Uint8Array(0);

/** Why a stream ended with its head, or before that was whole. */
export interface StreamRefusal {
  readonly flag: number;
  /** Envoy's response code details. */
  readonly details: string;
  /** What was wrong, and by which rule; undefined: nothing, the client has gone. */
  readonly why?: readonly [reason: string, rule: string];
}

export const UNDERSCORED: StreamRefusal = {
  flag: FLAG_DR,
  details: "http2.unexpected_underscore",
  why: ["underscoreInName", "headers_with_underscores_action"],
};

const GONE: StreamRefusal = { flag: FLAG_DC, details: "downstream_remote_disconnect" };

/** By the codes with which a head is refused. */
const REFUSALS: ReadonlyMap<ErrorCode, StreamRefusal> = new Map([
  [
    PROTOCOL_ERROR,
    {
      flag: FLAG_DPE,
      details: "http2.violation.of.messaging.rule",
      why: ["malformedMessage", "RFC 9113 section 8.1.1"],
    },
  ],
  [
    ENHANCE_YOUR_CALM,
    {
      flag: FLAG_DR,
      details: "http2.header_list_size_too_large",
      why: ["headTooLarge", "RFC 9113 section 10.5.1"],
    },
  ],
]);

/** What a stream's end says of its head. `byPeer`: the client has ended it. */
export function refusalOf(code: ErrorCode, byPeer: boolean): StreamRefusal {
  return (byPeer ? undefined : REFUSALS.get(code)) ?? GONE;
}

/** Accounts for a request over HTTP/2 that has no head; its stream is reset, or has been. */
export function refuseStream(connection: RefusedConnection, refusal: StreamRefusal): void {
  const { accepted, hcm } = connection;
  const { clock, telemetry } = hcm.context;
  const { http } = hcm.account;
  const account = new RequestAccount();
  const nowMs = clock.now();
  // Istio's metrics are a filter's, and no filter has seen it.
  account.begin({ ...hcm.account, standardMetrics: false }, nowMs, 20);
  account.flags |= refusal.flag;
  account.details = refusal.details;
  http.count("downstream_rq_rx_reset");
  account.end(nowMs, new RefusedSource(account, connection, "HTTP/2"));
  if (refusal.why === undefined) return;
  const [reason, rule] = refusal.why;
  const peer = accepted.remoteAddress;
  const listener = http.prefix;
  telemetry.refused.add({ atMs: clock.wall(), listener, peer, reason, rule, status: 0 }, NO_BYTES);
}
