import {
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { Server } from "node:net";
import { bodyOf, FIELD, hashOf, REQUEST_LENGTH_AT, replyFrame, takeFrame } from "../request.ts";
import { type FailureMode, spoiled } from "./failure.ts";
import type { OriginWork } from "./origin.ts";

const GRPC_UNAVAILABLE = "14";
/** The flag and the length before each message. */
const GRPC_PREFIX_BYTES = 5;

/** HTTP/2 without TLS; gRPC by its content type. */
export function http2Server(work: OriginWork): Server {
  const server = createServer({ settings: { maxConcurrentStreams: 1000 } });
  server.on("sessionError", () => undefined);
  server.on("stream", (stream: ServerHttp2Stream, headers) => void serve(work, stream, headers));
  return server as unknown as Server;
}

async function serve(
  work: OriginWork,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): Promise<void> {
  stream.on("error", () => undefined);
  const mode = work.nextFailure();
  if (mode === "refuse") return stream.close(constants.NGHTTP2_REFUSED_STREAM);
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const whole = await new Promise<boolean>((resolve) => {
    stream.on("end", () => resolve(!stream.aborted));
    stream.on("close", () => resolve(false));
  });
  if (!whole) return;
  const sent = Buffer.concat(chunks);
  const grpc = headers["content-type"] === "application/grpc";
  if (grpc) await serveGrpc(work, stream, sent, mode);
  else await serveHttp(work, stream, headers, sent, mode);
}

async function serveHttp(
  work: OriginWork,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  sent: Buffer,
  mode: FailureMode | undefined,
): Promise<void> {
  const id = String(headers[FIELD.id] ?? "");
  await work.execute(id, hashOf(sent));
  const body = spoiled(bodyOf(id, Number(headers[FIELD.replyBytes] ?? 0)), mode);
  const fields = {
    ":status": mode === "unavailable" ? 503 : 200,
    [FIELD.origin]: work.name,
    [FIELD.id]: id,
    "content-length": body.length,
  };
  if (fails(stream, mode)) return;
  stream.respond(fields);
  send(work, stream, id, body, mode);
}

async function serveGrpc(
  work: OriginWork,
  stream: ServerHttp2Stream,
  sent: Buffer,
  mode: FailureMode | undefined,
): Promise<void> {
  const frame = takeFrame(sent.subarray(GRPC_PREFIX_BYTES), REQUEST_LENGTH_AT);
  const [id = "", , , replyBytes = "0"] = frame?.words ?? [];
  await work.execute(id, hashOf(frame?.body ?? Buffer.alloc(0)));
  if (fails(stream, mode)) return;
  const fields = { ":status": 200, "content-type": "application/grpc", [FIELD.origin]: work.name };
  if (mode === "unavailable") {
    stream.respond({ ...fields, "grpc-status": GRPC_UNAVAILABLE }, { endStream: true });
    return;
  }
  stream.respond(fields, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  const message = replyFrame(200, work.name, spoiled(bodyOf(id, Number(replyBytes)), mode));
  const prefix = Buffer.alloc(GRPC_PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  send(work, stream, id, Buffer.concat([prefix, message]), mode);
}

/** Where nothing of an answer is sent. */
function fails(stream: ServerHttp2Stream, mode: FailureMode | undefined): boolean {
  if (stream.destroyed || mode === "silent") return true;
  const session = stream.session;
  if (mode === "closeBeforeReply") session?.destroy();
  else if (mode === "resetBeforeReply") stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else return false;
  return true;
}

function send(
  work: OriginWork,
  stream: ServerHttp2Stream,
  id: string,
  body: Buffer,
  mode: FailureMode | undefined,
): void {
  const { session } = stream;
  if (mode === "resetMidReply" || mode === "closeMidReply") {
    stream.write(body.subarray(0, body.length >> 1), () => {
      if (mode === "closeMidReply") session?.destroy();
      else stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
    return;
  }
  stream.end(body, () => work.answered(id));
  // GOAWAY, and the end once all streams are done.
  if (mode === "sayClose" || mode === "closeAfterReply") session?.close();
}
