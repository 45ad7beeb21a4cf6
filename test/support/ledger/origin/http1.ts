import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Server } from "node:net";
import { bodyOf, FIELD, hashOf } from "../request.ts";
import { type FailureMode, spoiled } from "./failure.ts";
import type { OriginWork } from "./origin.ts";
import { acceptWebSocket } from "./websocket.ts";

/** HTTP/1.1, and WebSocket by its upgrade. */
export function http1Server(work: OriginWork): Server {
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
    void serve(work, request, response);
  });
  server.on("upgrade", (request, socket) => acceptWebSocket(work, request, socket));
  return server;
}

async function serve(
  work: OriginWork,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const mode = work.nextFailure();
  if (mode === "refuse") {
    request.socket.resetAndDestroy();
    return;
  }
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  response.on("error", () => undefined);
  const whole = await new Promise<boolean>((resolve) => {
    request.on("end", () => resolve(true));
    request.on("error", () => resolve(false));
    request.on("close", () => resolve(false));
  });
  if (!whole) return;
  const id = String(request.headers[FIELD.id] ?? "");
  await work.execute(id, hashOf(Buffer.concat(chunks)));
  const bytes = Number(request.headers[FIELD.replyBytes] ?? 0);
  reply(work, { id, body: spoiled(bodyOf(id, bytes), mode) }, response, mode);
}

function reply(
  work: OriginWork,
  { id, body }: { readonly id: string; readonly body: Buffer },
  response: ServerResponse,
  mode: FailureMode | undefined,
): void {
  const { socket } = response;
  if (mode === "silent" || socket === null) return;
  if (mode === "resetBeforeReply") return void socket.resetAndDestroy();
  if (mode === "closeBeforeReply") return void socket.end();
  const fields = { [FIELD.origin]: work.name, [FIELD.id]: id, "content-length": body.length };
  if (mode === "sayClose") response.setHeader("connection", "close");
  response.writeHead(mode === "unavailable" ? 503 : 200, fields);
  if (mode === "resetMidReply" || mode === "closeMidReply") {
    response.write(body.subarray(0, body.length >> 1), () => {
      if (mode === "closeMidReply") socket.end();
      else socket.resetAndDestroy();
    });
    return;
  }
  response.end(body, () => {
    work.answered(id);
    if (mode === "closeAfterReply") socket.end();
  });
}
