import type { Attack } from "../arena/attack.ts";
import {
  block,
  data,
  FLAG,
  frame,
  get,
  headers,
  index,
  integer,
  literal,
  NOTHING,
  post,
  requestFields,
  settings,
  TYPE,
  uint32,
  windowUpdate,
} from "../wire/frames.ts";
import { strike } from "./strike.ts";

type Fault = readonly [name: string, parts: readonly Buffer[]];

const REQUEST: Buffer = block(requestFields("/fault"));
const PING: Buffer = frame(TYPE.ping, 0, 0, Buffer.alloc(8));
const PADDED = FLAG.padded | FLAG.endHeaders | FLAG.endStream;

/** A head whose block has this behind what every request needs. */
function packed(...bytes: readonly number[]): Buffer {
  return headers(1, Buffer.concat([REQUEST, Buffer.from(bytes)]));
}

const COMPRESSION: readonly Fault[] = [
  ["index 0", [packed(0x80)]],
  ["an index beyond the table", [packed(0xff, 0x20)]],
  ["a size update above SETTINGS", [packed(0x3f, 0xe2, 0xff, 0x03)]],
  ["a size update behind a field", [packed(0x20)]],
  ["Huffman code with EOS", [packed(0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01, 0x61)]],
  ["Huffman padding of 8 bits", [packed(0x00, 0x82, 0x1f, 0xff, 0x01, 0x61)]],
  ["Huffman padding of zeros", [packed(0x00, 0x81, 0x18, 0x01, 0x61)]],
  ["an integer that overflows", [packed(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f)]],
  ["an integer without end", [packed(0xff, ...Array<number>(200).fill(0x80), 0x01)]],
  ["a string beyond the block", [packed(0x00, 0x7f, 0xff, 0x7f)]],
  ["a block that ends in a field", [packed(0x40)]],
];

const FLOW: readonly Fault[] = [
  ["the connection's window beyond 2^31-1", [windowUpdate(0, 0x7fff_ffff)]],
  ["an initial window of 2^31", [settings([4, 0x8000_0000])]],
  [
    "SETTINGS that push a stream's window beyond 2^31-1",
    [post(1, "/hold"), windowUpdate(1, 0x7fff_ffff - 65_535), settings([4, 65_536])],
  ],
];

const SIZES: readonly Fault[] = [
  ["HEADERS of 16,385 bytes", [headers(1, Buffer.alloc(16_385))]],
  ["a header that says 16 MiB", [frame(TYPE.headers, 4, 1, NOTHING, 0xff_ffff)]],
  ["SETTINGS of 5 bytes", [frame(TYPE.settings, 0, 0, Buffer.alloc(5))]],
  ["an acknowledgement with settings", [frame(TYPE.settings, FLAG.ack, 0, Buffer.alloc(6))]],
  ["PING of 7 bytes", [frame(TYPE.ping, 0, 0, Buffer.alloc(7))]],
  ["WINDOW_UPDATE of 3 bytes", [frame(TYPE.windowUpdate, 0, 0, Buffer.alloc(3))]],
  ["RST_STREAM of 3 bytes", [get(1, "/hold"), frame(TYPE.reset, 0, 1, Buffer.alloc(3))]],
  ["GOAWAY of 7 bytes", [frame(TYPE.goAway, 0, 0, Buffer.alloc(7))]],
  ["PRIORITY of 4 bytes on an idle stream", [frame(TYPE.priority, 0, 1, Buffer.alloc(4))]],
];

const PROTOCOL: readonly Fault[] = [
  ["an even stream", [get(2, "/fault")]],
  ["a stream below the last", [get(5, "/neighbour"), get(3, "/fault")]],
  ["DATA on an idle stream", [data(1, "a")]],
  ["RST_STREAM of an idle stream", [frame(TYPE.reset, 0, 1, uint32(8))]],
  ["WINDOW_UPDATE of an idle stream", [windowUpdate(1, 1)]],
  ["CONTINUATION alone", [frame(TYPE.continuation, 4, 1, REQUEST)]],
  ["another frame inside a head", [frame(TYPE.headers, 1, 1, REQUEST), PING]],
  [
    "CONTINUATION of another stream",
    [frame(TYPE.headers, 1, 1, REQUEST), frame(TYPE.continuation, 4, 3, REQUEST)],
  ],
  ["HEADERS on stream 0", [headers(0, REQUEST)]],
  ["DATA on stream 0", [data(0, "a")]],
  ["PRIORITY on stream 0", [frame(TYPE.priority, 0, 0, Buffer.alloc(5))]],
  ["RST_STREAM on stream 0", [frame(TYPE.reset, 0, 0, uint32(8))]],
  ["SETTINGS on a stream", [frame(TYPE.settings, 0, 1)]],
  ["PING on a stream", [frame(TYPE.ping, 0, 1, Buffer.alloc(8))]],
  ["GOAWAY on a stream", [frame(TYPE.goAway, 0, 1, Buffer.alloc(8))]],
  ["WINDOW_UPDATE of the connection by 0", [windowUpdate(0, 0)]],
  [
    "padding as long as the frame",
    [frame(TYPE.headers, PADDED, 1, Buffer.concat([Buffer.from([0xff]), REQUEST]))],
  ],
  ["DATA of padding alone", [post(1, "/hold"), frame(TYPE.data, FLAG.padded, 1, Buffer.from([9]))]],
  [
    "PUSH_PROMISE of a client",
    [get(1, "/hold"), frame(TYPE.push, 4, 1, Buffer.concat([uint32(2), REQUEST]))],
  ],
  ["ENABLE_PUSH of 2", [settings([2, 2])]],
  ["MAX_FRAME_SIZE of 100", [settings([5, 100])]],
  ["MAX_FRAME_SIZE of 2^24", [settings([5, 0x100_0000])]],
  ["ENABLE_CONNECT_PROTOCOL of 2", [settings([8, 2])]],
];

function attacks(code: string, source: string, faults: readonly Fault[]): readonly Attack[] {
  return faults.map(([name, parts]) => ({
    name,
    source,
    verdict: `GOAWAY ${code}`,
    // Some begin with a request that is whole, and stays so until the fault is seen.
    forwarded: 1,
    begins: true,
    run: (arena, spent) => strike(arena, spent, ...parts),
  }));
}

export const FRAME_FAULTS: readonly Attack[] = [
  ...attacks("COMPRESSION_ERROR", "RFC 7541", COMPRESSION),
  ...attacks("FLOW_CONTROL_ERROR", "RFC 9113 section 6.9.1", FLOW),
  ...attacks("FRAME_SIZE_ERROR", "RFC 9113 section 4.2", SIZES),
  ...attacks("PROTOCOL_ERROR", "RFC 9113 section 5.4.1", PROTOCOL),
  {
    name: "DATA of 16,385 bytes",
    source: "RFC 9113 section 4.2",
    // The connection's state is not in it.
    verdict: "RST_STREAM FRAME_SIZE_ERROR",
    begins: true,
    run: (arena, spent) =>
      strike(arena, spent, post(1, "/hold"), data(1, Buffer.alloc(16_385)), PING),
  },
  {
    name: "the last stream id, and no more",
    source: "RFC 9113 section 5.1.1",
    verdict: "GOAWAY PROTOCOL_ERROR",
    forwarded: 1,
    run: (arena, spent) => strike(arena, spent, get(0x7fff_ffff, "/neighbour"), get(1, "/fault")),
  },
  {
    name: "dynamic table at its bound, evicted a thousand times",
    source: "RFC 7541 section 4.3",
    verdict: "GOAWAY COMPRESSION_ERROR",
    run: (arena, spent) => {
      const entries = Array.from({ length: 100 }, (_, i) =>
        literal(`x-${i}`, "e".repeat(100), true),
      );
      const beyond = [index(62 + 32), integer(0x80, 7, 62 + 60)];
      return strike(arena, spent, headers(1, Buffer.concat([REQUEST, ...entries, ...beyond])));
    },
  },
];
