/** Origins that answer most requests with their path, and treat the others as chance has it. */
import { once } from "node:events";
import { constants, createServer as createHttp2, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Random } from "../../src/base/random.ts";
import { running } from "./one-hop.ts";

/** No stream has so high an id: the first of the two GOAWAY of an orderly end. */
const LAST_STREAM_ID_OPEN = 0x7fff_ffff;

/** Starts to listen; everything ends with the test. Gives the port. */
type Start = (random: Random) => Promise<number>;

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push({
    stop: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return (server.address() as AddressInfo).port;
}

function soon(random: Random, then: () => void): void {
  if (random.below(2) === 0) then();
  else setImmediate(then);
}

const HEAD = /^(\S+) (\S+) HTTP\/1\.1\r\n(?:.+\r\n)*\r\n/;

/** One connection; a request is taken once its body of so many bytes has come. */
function serve(socket: Socket, random: Random): void {
  let received = "";
  socket.setEncoding("latin1");
  socket.on("data", (text) => {
    received += String(text);
    for (let head = HEAD.exec(received); head !== null; head = HEAD.exec(received)) {
      const length = Number(/content-length: (\d+)/i.exec(head[0])?.[1] ?? 0);
      const end = head[0].length + length;
      if (received.length < end) return;
      received = received.slice(end);
      const path = head[2] ?? "";
      soon(random, () => treat(socket, path, random.below(12)));
    }
  });
}

function treat(socket: Socket, path: string, mood: number): void {
  const response = (fields: string, body: string): string =>
    `HTTP/1.1 200 OK\r\n${fields}content-length: ${path.length}\r\n\r\n${body}`;
  if (mood === 0) socket.destroy();
  else if (mood === 1) socket.resetAndDestroy();
  else if (mood === 2) socket.end(response("", path.slice(0, -1)));
  else if (mood === 3) socket.end(response("connection: close\r\n", path));
  else if (mood === 4) socket.write("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
  else if (mood === 5) socket.end("gibberish\r\n\r\n");
  else if (mood === 6) socket.write(`${response("", path)}more than was asked for`);
  else socket.write(response("", path));
}

const overHttp1: Start = (random) => listening(createServer((socket) => serve(socket, random)));

const overHttp2: Start = (random) => {
  const server = createHttp2({ settings: { maxConcurrentStreams: 4 } });
  server.on("sessionError", () => undefined);
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const path = String(headers[":path"]);
    stream.on("error", () => undefined).resume();
    stream.on("end", () => soon(random, () => treatStream(stream, path, random.below(12))));
  });
  return listening(server as unknown as Server);
};

function treatStream(stream: ServerHttp2Stream, path: string, mood: number): void {
  if (stream.destroyed) return;
  const { session } = stream;
  if (mood === 0) stream.close(constants.NGHTTP2_REFUSED_STREAM);
  else if (mood === 1) stream.close(constants.NGHTTP2_CANCEL);
  else if (mood === 2) session?.destroy();
  else if (mood === 3)
    session?.goaway(constants.NGHTTP2_NO_ERROR, Math.max(0, Number(stream.id) - 2));
  else if (mood === 4) {
    session?.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM_ID_OPEN);
    // Without an id: the last stream that it has taken.
    setImmediate(() => {
      if (session?.destroyed === false) session.goaway(constants.NGHTTP2_NO_ERROR);
    });
  }
  if (mood === 5) stream.respond({ ":status": 503 }, { endStream: true });
  if (stream.destroyed || mood < 2 || mood === 5) return;
  stream.respond({ ":status": 200, "content-length": String(path.length) });
  if (mood === 6) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else stream.end(path);
}

export const MOODY_ORIGINS: Readonly<Record<string, Start>> = {
  "HTTP/1.1": overHttp1,
  "HTTP/2": overHttp2,
};
