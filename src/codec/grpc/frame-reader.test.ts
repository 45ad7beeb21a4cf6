import fc from "fast-check";
import { expect, it } from "vitest";
import { FrameReader, frameOf } from "./frame-reader.ts";

/** What a body told, one text a message. */
function messagesOf(pieces: readonly Buffer[]): { messages: string[]; complete: boolean } {
  const messages: string[] = [];
  const reader = new FrameReader({
    onFrame: () => messages.push(""),
    onFrameData: (bytes, start, end) => {
      messages.push(`${messages.pop() ?? ""}${bytes.toString("latin1", start, end)}`);
    },
  });
  for (const piece of pieces) if (!reader.read(piece, 0, piece.length)) messages.push("refused");
  return { messages, complete: reader.complete };
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places, bytes.length].map((place) => Math.min(place, bytes.length));
  const sorted = ends.toSorted((a, b) => a - b);
  return sorted.map((end, i) => bytes.subarray(sorted[i - 1] ?? 0, end));
}

it("finds the messages, empty ones too, wherever the bytes are cut", () => {
  const texts = fc.array(fc.string({ maxLength: 20 }));
  fc.assert(
    fc.property(texts, fc.array(fc.nat(80)), (messages, places) => {
      const wanted = messages.map((text) => Buffer.from(text));
      const body = Buffer.concat(wanted.map((message) => frameOf(message)));
      expect(messagesOf(cut(body, places))).toEqual({
        messages: wanted.map((message) => message.toString("latin1")),
        complete: true,
      });
    }),
  );
});

it("knows that a message is not whole yet", () => {
  expect(messagesOf([Buffer.from([0, 0, 0])]).complete).toBe(false);
  expect(messagesOf([Buffer.from([0, 0, 0, 0, 2, 65])])).toEqual({
    messages: ["A"],
    complete: false,
  });
});

it("refuses flags that gRPC does not know", () => {
  expect(messagesOf([Buffer.from("HTTP/1.1 400")]).messages).toEqual(["refused"]);
});
