import type { Random } from "../../../src/base/random.ts";
import { PREFACE } from "../../../src/codec/h2/frame/frame-type.ts";
import { http2Events, readHttp2Vectors } from "../../support/h2-events.ts";
import { eventsOfAnyCut, type FuzzTarget, kindOf } from "./target.ts";

const FILES = ["messages", "streams", "frames", "settings-and-windows", "floods", "responses"];
const vectors = FILES.flatMap((file) =>
  readHttp2Vectors(new URL(`../../vectors/h2/${file}.md`, import.meta.url)),
);
const FRAME_HEAD = 9;
const SEED_BYTES_MAX = 8192;

const isOpening = (option: string): boolean => option.startsWith("open");

function seedsOf(client: boolean): readonly Buffer[] {
  return vectors
    .filter(({ bytes, options }) => {
      return bytes.length <= SEED_BYTES_MAX && options.some(isOpening) === client;
    })
    .map(({ bytes }) => bytes);
}

/** The preface, where it is there, then frame by frame; what is no whole frame comes last. */
function partsOf(input: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let at = 0;
  if (input.subarray(0, PREFACE.length).equals(PREFACE)) {
    parts.push(input.subarray(0, PREFACE.length));
    at = PREFACE.length;
  }
  while (at + FRAME_HEAD <= input.length) {
    const end = Math.min(input.length, at + FRAME_HEAD + input.readUIntBE(at, 3));
    parts.push(input.subarray(at, end));
    at = end;
  }
  return [...parts, input.subarray(at)];
}

/** Frames change their places, heads and lengths, so that more than the first one is read. */
function reshape(input: Buffer, random: Random): Buffer {
  const parts = partsOf(input);
  const at = random.below(parts.length);
  const frame = Buffer.from(parts[at] ?? Buffer.alloc(0));
  switch (random.below(6)) {
    case 0:
      parts.splice(random.below(parts.length + 1), 0, frame);
      break;
    case 1:
      parts.splice(at, 1);
      break;
    case 2:
      parts.splice(at, 1);
      parts.splice(random.below(parts.length + 1), 0, frame);
      break;
    case 3:
      if (frame.length >= FRAME_HEAD) frame[3] = random.below(12);
      parts[at] = frame;
      break;
    case 4:
      if (frame.length >= FRAME_HEAD) frame[4] = random.below(256) & 0x2d;
      parts[at] = frame;
      break;
    default:
      if (frame.length >= FRAME_HEAD) frame.writeUInt32BE(random.below(9), 5);
      parts[at] = frame;
  }
  return Buffer.concat(parts);
}

function framesTarget(name: string, options: readonly string[]): FuzzTarget {
  const client = options.some(isOpening);
  return {
    name,
    seeds: seedsOf(client),
    tokens: [
      PREFACE,
      Buffer.from("000000040000000000", "hex"),
      Buffer.from("000000040100000000", "hex"),
      Buffer.from("0000040800000000017fffffff", "hex"),
      Buffer.from("00000401040000000182848641", "hex"),
      Buffer.from("0000040300000000010000000b", "hex"),
      Buffer.from("000005020000000003000000010f", "hex"),
      Buffer.from("00000000010000000100", "hex"),
      Buffer.from("7fffffff", "hex"),
    ],
    reshape,
    run(input, random) {
      return kindOf(eventsOfAnyCut(input, random, (pieces) => http2Events(pieces, options)));
    },
  };
}

/** What clients send (RFC 9113). */
export const h2Server: FuzzTarget = framesTarget("h2-server", ["answer"]);

/** What endpoints answer, to four requests that are under way. */
export const h2Client: FuzzTarget = framesTarget("h2-client", ["open=GET,HEAD,POST,CONNECT"]);
