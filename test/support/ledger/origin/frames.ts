/** Frames of a stream or of messages, answered one after the other. */
import { bodyOf, hashOf, REQUEST_LENGTH_AT, replyFrame, takeFrame } from "../request.ts";
import { spoiled } from "./failure.ts";
import type { OriginWork } from "./origin.ts";

/** Where the answers go. */
export interface FrameSink {
  write(bytes: Buffer): void;
  /** Half of what `write` would send. */
  writeHalf(bytes: Buffer): void;
  end(): void;
  reset(): void;
}

/** Takes one whole frame and answers it, or fails as the origin wants to. */
export async function answerFrame(
  work: OriginWork,
  words: readonly string[],
  body: Buffer,
  sink: FrameSink,
): Promise<void> {
  const [id = "", , , replyBytes = "0"] = words;
  const mode = work.nextFailure();
  if (mode === "refuse") return sink.reset();
  await work.execute(id, hashOf(body));
  if (mode === "silent") return;
  if (mode === "resetBeforeReply") return sink.reset();
  if (mode === "closeBeforeReply") return sink.end();
  const whole = spoiled(bodyOf(id, Number(replyBytes)), mode);
  const reply = replyFrame(mode === "unavailable" ? 503 : 200, work.name, whole);
  if (mode === "resetMidReply" || mode === "closeMidReply") {
    sink.writeHalf(reply);
    if (mode === "closeMidReply") sink.end();
    else setImmediate(() => sink.reset());
    return;
  }
  sink.write(reply);
  work.answered(id);
  if (mode === "closeAfterReply" || mode === "sayClose") sink.end();
}

/** Cuts a stream into frames. */
export class FrameReader {
  readonly #onFrame: (words: readonly string[], body: Buffer) => void;
  #bytes = Buffer.alloc(0);

  constructor(onFrame: (words: readonly string[], body: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      const frame = takeFrame(this.#bytes, REQUEST_LENGTH_AT);
      if (frame === undefined) return;
      this.#bytes = frame.rest as Buffer<ArrayBuffer>;
      this.#onFrame(frame.words, frame.body);
    }
  }
}
