import { BodyDecoder } from "../../../src/codec/h1/body-decoder.ts";
import { nodeRequests } from "../../support/node-parser.ts";
import { readVectors } from "../../support/vector-file.ts";
import { H1_TOKENS } from "./h1-tokens.ts";
import { eventsOfAnyCut, type FuzzTarget, kindOf, mustHold } from "./target.ts";

const vectors = readVectors(new URL("../../vectors/h1/request-body.md", import.meta.url));
const HEAD = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
/** Node judges a Content-Length among trailers; we leave it there, unread. */
const FRAMING_TRAILER = /^HPE_(?:INVALID|UNEXPECTED)_(?:CONTENT_LENGTH|TRANSFER_ENCODING)$/;
const HEAD_END = "\r\n\r\n";

interface ChunkedReading {
  readonly events: readonly string[];
  readonly data: string;
  /** Where the body ended; undefined where it did not, or is malformed. */
  readonly end: number | undefined;
}

function read(pieces: readonly Buffer[]): ChunkedReading {
  const decoder = new BodyDecoder(true);
  decoder.begin("chunked", -1);
  let data = "";
  let end = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length && !decoder.done && decoder.violation === "none"; ) {
      const next = decoder.next(piece, at, piece.length);
      const moved = next > at || decoder.violation !== "none";
      mustHold(moved, "each step takes a byte", () => `stands still at ${at}`);
      data += piece.toString("latin1", decoder.dataStart, decoder.dataEnd);
      end += next - at;
      at = next;
    }
  }
  const events = [`data ${data}`, decoder.done ? `end ${end}` : `${decoder.violation} ${end}`];
  for (let i = 0; i < (decoder.trailers?.count ?? 0); i++) {
    events.push(`trailer ${decoder.trailers?.name(i)}: ${decoder.trailers?.value(i)}`);
  }
  return { events, data, end: decoder.done ? end : undefined };
}

/** Chunked bodies: what we take, Node's strict parser takes for the same, from the same bytes. */
export const chunkedBody: FuzzTarget = {
  name: "chunked-body",
  seeds: vectors.map(({ bytes }) => bytes.subarray(bytes.indexOf(HEAD_END) + HEAD_END.length)),
  tokens: H1_TOKENS,
  async run(input, random) {
    const events = eventsOfAnyCut(input, random, (pieces) => read(pieces).events);
    const { data, end } = read([input]);
    if (end === undefined) return kindOf(events);
    const whole = Buffer.concat([Buffer.from(HEAD), input.subarray(0, end)]);
    const theirs = await nodeRequests(whole);
    if (FRAMING_TRAILER.test(theirs.error ?? "")) return kindOf(events);
    const same = theirs.error === undefined && theirs.messages[0]?.body === data;
    mustHold(same && theirs.messages.length === 1, "Node takes what we take", () =>
      JSON.stringify({ ours: data, theirs }),
    );
    return `${kindOf(events)} ${end === input.length}`;
  },
};
