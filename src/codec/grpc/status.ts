// hot path: no allocation per request

/** gRPC's status codes (grpc: doc/statuscodes.md). */
export const GRPC_STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** A status that was sent but is none; Envoy's `InvalidCode`. */
export const INVALID_GRPC_STATUS = -1;

const STATUS_MAX = 16;
const STATUS_DIGITS_MAX = 2;
const DIGIT_0 = 0x30;

/** `DEADLINE_EXCEEDED`, by number. */
export const GRPC_STATUS_NAMES: readonly string[] = Object.keys(GRPC_STATUS);

/** `DeadlineExceeded`, by number, as Envoy's `%GRPC_STATUS%` spells them. */
export const GRPC_STATUS_CAMEL_NAMES: readonly string[] = (
  "OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied " +
  "ResourceExhausted FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable " +
  "DataLoss Unauthenticated"
).split(" ");

/** The value of a `grpc-status` field: 0..16, or `INVALID_GRPC_STATUS`. */
export function parseGrpcStatus(text: string): number {
  const { length } = text;
  if (length === 0 || length > STATUS_DIGITS_MAX) return INVALID_GRPC_STATUS;
  let status = 0;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - DIGIT_0;
    if (digit < 0 || digit > 9) return INVALID_GRPC_STATUS;
    status = status * 10 + digit;
  }
  return status <= STATUS_MAX ? status : INVALID_GRPC_STATUS;
}

/**
 * What an HTTP status means to a gRPC client that got no `grpc-status` (grpc:
 * doc/http-grpc-status-mapping.md; Envoy: Grpc::Utility::httpToGrpcStatus).
 */
export function grpcStatusOfHttp(code: number): number {
  switch (code) {
    case 400:
      return GRPC_STATUS.INTERNAL;
    case 401:
      return GRPC_STATUS.UNAUTHENTICATED;
    case 403:
      return GRPC_STATUS.PERMISSION_DENIED;
    case 404:
      return GRPC_STATUS.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return GRPC_STATUS.UNAVAILABLE;
    default:
      return GRPC_STATUS.UNKNOWN;
  }
}

/** By gRPC status: OK is the first. */
const HTTP_STATUSES = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
] as const;

/**
 * The HTTP status that says the same as a gRPC status, 500 for what is none (Envoy:
 * Grpc::Utility::grpcToHttpStatus, after Google's API design guide).
 */
export function httpStatusOfGrpc(status: number): number {
  return HTTP_STATUSES[status] ?? 500;
}
