import { ENHANCE_YOUR_CALM, type ErrorCode, PROTOCOL_ERROR } from "../../../codec/h2/error-code.ts";
import type { CompiledHcm } from "../../compile/compiled-hcm.ts";
import type { Accepted } from "../accepted.ts";

const NO_BYTES = new Uint8Array(0);

/** Codes with which a head is refused: what was wrong, and by which rule. */
const REASONS: ReadonlyMap<ErrorCode, readonly [reason: string, rule: string]> = new Map([
  [PROTOCOL_ERROR, ["malformedMessage", "RFC 9113 section 8.1.1"]],
  [ENHANCE_YOUR_CALM, ["headTooLarge", "RFC 9113 section 10.5.1"]],
]);

/** Writes down a request over HTTP/2 whose head was refused; its stream has been reset. */
export function noteRefusedStream(hcm: CompiledHcm, accepted: Accepted, code: ErrorCode): void {
  const known = REASONS.get(code);
  if (known === undefined) return;
  const [reason, rule] = known;
  const { clock, telemetry } = hcm.context;
  const listener = hcm.account.http.prefix;
  const peer = accepted.remoteAddress;
  telemetry.refused.add({ atMs: clock.wall(), listener, peer, reason, rule, status: 0 }, NO_BYTES);
}
