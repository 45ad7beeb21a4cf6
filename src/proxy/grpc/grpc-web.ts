import { type GrpcWebForm, grpcWebForm } from "../../codec/grpc/content-type.ts";
import { FrameReader } from "../../codec/grpc/frame-reader.ts";
import { encodeGrpcMessage } from "../../codec/grpc/message-text.ts";
import { grpcStatusOfHttp } from "../../codec/grpc/status.ts";
import { Base64Decoder, Base64Encoder, trailersFrame } from "../../codec/grpc/web.ts";
import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import { isGrpc } from "./grpc-call.ts";

/** So much of an answer that is not gRPC becomes its `grpc-message`, as in Envoy. */
const MESSAGE_BYTES_MAX = 16_384;

const CONTENT_TYPES = {
  binary: "application/grpc-web+proto",
  text: "application/grpc-web-text+proto",
} as const;

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * gRPC-Web of one exchange: what browsers can send becomes gRPC, and its answer what browsers can
 * read: trailers as the body's last message, all of it as base64 where they ask for that (Envoy:
 * GrpcWebFilter; grpc: doc/PROTOCOL-WEB.md). Used for one request after the other.
 */
export class GrpcWeb {
  readonly #enabled: boolean;
  readonly #decoder = new Base64Decoder();
  readonly #encoder = new Base64Encoder();
  readonly #frames = new FrameReader({ onFrame: () => undefined, onFrameData: () => undefined });
  #request: GrpcWebForm = "none";
  #response: "binary" | "text" = "binary";
  #held: Buffer = NOTHING;

  constructor(enabled: boolean) {
    this.#enabled = enabled;
  }

  /** This request came as gRPC-Web. */
  get active(): boolean {
    return this.#request !== "none";
  }

  /** The request's body is base64. */
  get decodes(): boolean {
    return this.#request === "text";
  }

  begin(): void {
    this.#request = "none";
  }

  /** A request that is gRPC-Web becomes gRPC; true where it is. */
  takeRequest(headers: HeaderTable): boolean {
    if (!this.#enabled) return false;
    this.#request = grpcWebForm(headers.get(ID["content-type"]) ?? "");
    if (this.#request === "none") return false;
    this.#response = grpcWebForm(headers.get(ID.accept) ?? "") === "text" ? "text" : "binary";
    this.#decoder.reset();
    this.#encoder.reset();
    this.#frames.reset();
    this.#held = NOTHING;
    // The length of a text is not that of what it stands for.
    headers.remove(ID["content-length"]);
    headers.set(ID["content-type"], "application/grpc");
    headers.set(ID.te, "trailers");
    if (headers.findName("grpc-accept-encoding") < 0) {
      headers.addName("grpc-accept-encoding", "identity");
    }
    return true;
  }

  /** What the text stands for; undefined where it is no base64. */
  decode(bytes: Buffer, start: number, end: number): Buffer | undefined {
    return this.#decoder.decode(bytes, start, end);
  }

  /** False where the text has broken off. */
  get whole(): boolean {
    return !this.decodes || this.#decoder.complete;
  }

  /**
   * Makes a response's head one of gRPC-Web. False where its body is not gRPC: head and body are
   * then to be held back, and given to `explain`.
   */
  takeResponse(status: number, headers: HeaderTable, hasBody: boolean): boolean {
    const understood = !hasBody || (status === 200 && (isGrpc(headers) || isOwn(headers)));
    headers.remove(ID["content-length"]);
    headers.set(ID["content-type"], CONTENT_TYPES[this.#response]);
    return understood;
  }

  /** Keeps what shall be the `grpc-message`. */
  hold(bytes: Buffer, start: number, end: number): void {
    const to = Math.min(end, start + MESSAGE_BYTES_MAX - this.#held.length);
    if (to > start) this.#held = Buffer.concat([this.#held, bytes.subarray(start, to)]);
  }

  /** Says in a head what was held back from its body. */
  explain(status: number, headers: HeaderTable): void {
    headers.setName("grpc-message", encodeGrpcMessage(this.#held.toString()));
    headers.setName("grpc-status", String(grpcStatusOfHttp(status)));
    headers.set(ID["content-length"], "0");
  }

  /** Bytes of the response's body as they go to the client. */
  encode(bytes: Buffer): Buffer {
    if (this.#response === "binary") return bytes;
    const text = this.#encoder.encode(bytes, 0, bytes.length);
    this.#frames.read(bytes, 0, bytes.length);
    // A message that is whole is padded, so that no byte of it has to wait for the next.
    return this.#frames.complete ? Buffer.concat([text, this.#encoder.finish()]) : text;
  }

  /** Trailers, as the end of the body. */
  encodeTrailers(trailers: HeaderTable): Buffer {
    return this.encode(trailersFrame(trailers));
  }
}

const NO_GRPC_WEB = new GrpcWeb(false);

/** `enabled`: the connection manager has the filter. */
export function grpcWebOf(enabled: boolean): GrpcWeb {
  return enabled ? new GrpcWeb(true) : NO_GRPC_WEB;
}

/** Whether an upstream has answered in gRPC-Web itself. */
function isOwn(headers: HeaderTable): boolean {
  const type = headers.get(ID["content-type"])?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return grpcWebForm(type) === "binary";
}
