import { describe, expect, it } from "vitest";
import type { Attempt } from "../attempt.ts";
import type { Downstream } from "../downstream.ts";
import { grpcWebOf } from "../grpc/grpc-web.ts";
import { RequestStream } from "./request-stream.ts";
import type { RetryState } from "./retry-state.ts";

/** An attempt that keeps what is sent; it has no connection as long as nothing is replayed. */
function recording(): { readonly attempt: Attempt; readonly sent: string[] } {
  const sent: string[] = [];
  const attempt = {
    sending: false,
    sendData: (bytes: Buffer, start: number, end: number) =>
      sent.push(bytes.toString("latin1", start, end)),
    sendEnd: () => sent.push("end"),
  };
  return { attempt: attempt as unknown as Attempt, sent };
}

function streamOf(down: Partial<Downstream> = {}): RequestStream {
  const retry = { enabled: true, giveUp: () => undefined } as unknown as RetryState;
  const reading = { pauseReading: () => undefined, resumeReading: () => undefined, ...down };
  const stream = new RequestStream(reading as Downstream, retry, grpcWebOf(false));
  stream.begin(false);
  return stream;
}

function takes(stream: RequestStream, attempt: Attempt, text: string): void {
  const bytes = Buffer.from(`<${text}>`, "latin1");
  stream.take(attempt, bytes, 1, bytes.length - 1);
  // The next read overwrites it.
  bytes.fill(0);
}

describe("a body that is kept for another attempt", () => {
  it("goes to each attempt as it came", () => {
    const stream = streamOf();
    const { attempt, sent } = recording();
    const pieces = ["a", "b".repeat(20_000), "c", "d".repeat(700), "e".repeat(16_384)];
    for (const piece of pieces) takes(stream, attempt, piece);
    stream.complete = true;
    stream.replay(attempt);
    expect(sent.join("")).toBe(`${pieces.join("")}end`);
    sent.length = 0;
    stream.replay(attempt);
    expect(sent.join("")).toBe(`${pieces.join("")}end`);
  });

  it("is gathered where it comes byte by byte", () => {
    const stream = streamOf();
    const { attempt, sent } = recording();
    for (let i = 0; i < 100_000; i++) takes(stream, attempt, String(i % 10));
    stream.replay(attempt);
    expect(sent.join("")).toBe("0123456789".repeat(10_000));
    expect(sent.length).toBeLessThan(20);
  });

  it("is nothing of the next request's", () => {
    const stream = streamOf();
    const { attempt, sent } = recording();
    takes(stream, attempt, "old");
    stream.begin(false);
    takes(stream, attempt, "new");
    stream.replay(attempt);
    expect(sent).toEqual(["new"]);
  });

  it("is read on once it is sent, unless the connection takes no more", () => {
    const reading: string[] = [];
    const stream = streamOf({
      pauseReading: () => reading.push("pause"),
      resumeReading: () => reading.push("resume"),
    });
    const { attempt } = recording();
    takes(stream, attempt, "a".repeat(70_000));
    stream.replay(attempt);
    expect(reading).toEqual(["pause", "resume"]);
    const blocked = { ...attempt, sendData: () => stream.pause() } as unknown as Attempt;
    stream.replay(blocked);
    expect(reading.at(-1)).toBe("pause");
    stream.resume();
    expect(reading.at(-1)).toBe("resume");
  });
});
