/**
 * Why a stream or a connection ends (RFC 9113 section 7): those that we say or act on. The peer may
 * send any number.
 */
export type ErrorCode = number;

export const NO_ERROR = 0x0;
export const PROTOCOL_ERROR = 0x1;
export const INTERNAL_ERROR = 0x2;
export const FLOW_CONTROL_ERROR = 0x3;
export const STREAM_CLOSED = 0x5;
export const FRAME_SIZE_ERROR = 0x6;
export const REFUSED_STREAM = 0x7;
export const CANCEL = 0x8;
export const COMPRESSION_ERROR = 0x9;
export const ENHANCE_YOUR_CALM = 0xb;
export const HTTP_1_1_REQUIRED = 0xd;

/** Never on the wire: the connection has ended under the stream. */
export const CONNECTION_LOST = -1;

const NAMES: readonly string[] = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** The name for people: `PROTOCOL_ERROR`, `CONNECTION_LOST`, or the number in hexadecimal. */
export function errorCodeName(code: ErrorCode): string {
  if (code === CONNECTION_LOST) return "CONNECTION_LOST";
  return NAMES[code] ?? `0x${code.toString(16)}`;
}
