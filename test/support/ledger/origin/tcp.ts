import { createServer, type Server, type Socket } from "node:net";
import { answerFrame, FrameReader, type FrameSink } from "./frames.ts";
import type { OriginWork } from "./origin.ts";

/** Answers frames in their order; ends a connection when its client does. */
export function tcpServer(work: OriginWork): Server {
  return createServer({ allowHalfOpen: false }, (socket: Socket) => {
    const sink: FrameSink = {
      write: (bytes) => socket.write(bytes),
      writeHalf: (bytes) => socket.write(bytes.subarray(0, bytes.length >> 1)),
      end: () => socket.end(),
      reset: () => socket.resetAndDestroy(),
    };
    let last: Promise<void> = Promise.resolve();
    const reader = new FrameReader((words, body) => {
      last = last.then(() => answerFrame(work, words, body, sink));
    });
    socket.on("data", (chunk: Buffer) => reader.take(chunk));
  });
}
