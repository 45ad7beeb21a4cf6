import fc from "fast-check";
import { expect, it } from "vitest";
import { HeaderTable } from "../http/header-table.ts";
import { Base64Decoder, Base64Encoder, trailersFrame } from "./web.ts";

it("writes trailers as the last message of the body", () => {
  const trailers = new HeaderTable();
  trailers.addName("grpc-status", "0");
  trailers.addName("x-gone", "1");
  trailers.addName("grpc-message", "all%20well");
  trailers.removeName("x-gone");
  const text = "grpc-status:0\r\ngrpc-message:all%20well\r\n";
  expect(trailersFrame(trailers)).toEqual(
    Buffer.concat([Buffer.from([0x80, 0, 0, 0, text.length]), Buffer.from(text)]),
  );
});

function decoded(pieces: readonly string[]): { text: string | undefined; complete: boolean } {
  const decoder = new Base64Decoder();
  let text = "";
  for (const piece of pieces) {
    const bytes = decoder.decode(Buffer.from(piece), 0, piece.length);
    if (bytes === undefined) return { text: undefined, complete: false };
    text += bytes.toString("latin1");
  }
  return { text, complete: decoder.complete };
}

it("decodes base64 wherever it is cut, padded inside too", () => {
  const runs = fc.array(fc.string({ minLength: 1 }), { maxLength: 4 });
  fc.assert(
    fc.property(runs, fc.nat(60), (texts, at) => {
      const wire = texts.map((text) => Buffer.from(text).toString("base64")).join("");
      const wanted = Buffer.from(texts.join("")).toString("latin1");
      expect(decoded([wire.slice(0, at), wire.slice(at)])).toEqual({
        text: wanted,
        complete: true,
      });
    }),
  );
});

it.each(["AB=D", "AB*D", "====", "A==="])("refuses %j", (text) => {
  expect(decoded([text]).text).toBeUndefined();
});

it("keeps half a group for the next piece", () => {
  expect(decoded(["QUJ"])).toEqual({ text: "", complete: false });
});

it("encodes pieces as if they were one", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), (pieces) => {
      const encoder = new Base64Encoder();
      const texts = pieces.map((piece) => encoder.encode(Buffer.from(piece), 0, piece.length));
      const text = Buffer.concat([...texts, encoder.finish()]).toString("latin1");
      expect(text).toBe(Buffer.concat(pieces).toString("base64"));
    }),
  );
});
