/** What the load asks, and how its origins answer: both are made from the request's id alone. */
import { createHash } from "node:crypto";

export type Protocol = "http1" | "http2" | "grpc" | "websocket" | "tcp";
export type Method = "GET" | "POST";

export interface LoadRequest {
  /** A UUID; no two requests of a run have the same. */
  readonly id: string;
  readonly method: Method;
  readonly bodyBytes: number;
  readonly replyBytes: number;
}

/**
 * How a request ended for its client. `truncated` is an end before that of the answer, and an
 * answer that is but the beginning of the right one; `refusedByProxy` is any answer that no origin
 * wrote, `failedByOrigin` one that an origin wrote and that is no success.
 */
export type OutcomeKind =
  | "ok"
  | "wrongBody"
  | "truncated"
  | "refusedByProxy"
  | "failedByOrigin"
  | "connectRefused"
  | "reset"
  | "timeout";

export interface Outcome {
  readonly kind: OutcomeKind;
  /** HTTP's, or gRPC's for gRPC. */
  readonly status?: number;
  /** Who answered. */
  readonly origin?: string;
  /** In short, the same words for the same reason. */
  readonly reason?: string;
  /** Streams that the other side had said it did not take (RFC 9113, 8.7) and that went again. */
  readonly retriedRefused?: number;
}

/** Names on the wire, for HTTP. */
export const FIELD = {
  id: "x-ledger-id",
  replyBytes: "x-ledger-reply-bytes",
  origin: "x-ledger-origin",
} as const;

export const GRPC_PATHS: Readonly<Record<Method, string>> = {
  GET: "/ledger.Ledger/Get",
  POST: "/ledger.Ledger/Post",
};

/** The same for the same id, another for every other id. */
export function bodyOf(id: string, bytes: number): Buffer {
  return Buffer.alloc(bytes, `${id} `);
}

export function hashOf(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("base64");
}

/** What came back, whole. */
export interface Reply {
  readonly status: number;
  /** Undefined where no origin wrote it. */
  readonly origin: string | undefined;
  readonly body: Buffer;
}

const REASON_CHARACTERS_MAX = 100;

/** Judges a whole reply. */
export function judgeReply(request: LoadRequest, { status, origin, body }: Reply): Outcome {
  if (origin === undefined) {
    const text = body.toString("latin1", 0, REASON_CHARACTERS_MAX).replace(/\s+/g, " ");
    return { kind: "refusedByProxy", status, reason: `${status} ${text}`.trim() };
  }
  if (status !== 200) return { kind: "failedByOrigin", status, origin, reason: `${status}` };
  const right = bodyOf(request.id, request.replyBytes);
  if (body.equals(right)) return { kind: "ok", status, origin };
  // Node's HTTP/2 client takes the end of a connection for the end of a body.
  const begins = body.length < right.length && body.equals(right.subarray(0, body.length));
  const reason = `${body.length} of ${right.length} bytes`;
  return { kind: begins ? "truncated" : "wrongBody", status, origin, reason };
}

/** Judges an end without a whole reply. */
export function judgeFailure(error: unknown, replyBegan: boolean): Outcome {
  type Failed = { readonly code?: string; readonly message?: string };
  const { code = "", message = String(error) } = ((error as Error).cause ?? error) as Failed;
  const reason = code === "" ? message : code;
  if (reason.includes("ECONNREFUSED")) return { kind: "connectRefused", reason };
  return { kind: replyBegan ? "truncated" : "reset", reason };
}

/** A request as the bytes of a TCP stream or of one message: a line, then the body. */
export function requestFrame({ id, method, bodyBytes, replyBytes }: LoadRequest): Buffer {
  const line = Buffer.from(`${id} ${method} ${bodyBytes} ${replyBytes}\n`);
  return Buffer.concat([line, bodyOf(id, bodyBytes)]);
}

export function replyFrame(status: number, origin: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${status} ${origin} ${body.length}\n`), body]);
}

/** The first frame of these bytes: its line's words, its body, and what follows it. */
export interface Frame {
  readonly words: readonly string[];
  readonly body: Buffer;
  readonly rest: Buffer;
}

/** Undefined until all of it is there. `lengthAt`: which word says how long the body is. */
export function takeFrame(bytes: Buffer, lengthAt: number): Frame | undefined {
  const newline = bytes.indexOf(0x0a);
  if (newline < 0) return undefined;
  const words = bytes.toString("latin1", 0, newline).split(" ");
  const end = newline + 1 + Number(words[lengthAt]);
  if (!(bytes.length >= end)) return undefined;
  return { words, body: bytes.subarray(newline + 1, end), rest: bytes.subarray(end) };
}

export const REQUEST_LENGTH_AT = 2;
export const REPLY_LENGTH_AT = 2;

/** Judges one reply frame; undefined while it is not whole. */
export function judgeFrame(request: LoadRequest, bytes: Buffer): Outcome | undefined {
  const frame = takeFrame(bytes, REPLY_LENGTH_AT);
  if (frame === undefined) return undefined;
  const [status, origin] = frame.words;
  if (frame.rest.length > 0) return { kind: "wrongBody", reason: "more than was asked for" };
  return judgeReply(request, { status: Number(status), origin, body: frame.body });
}
