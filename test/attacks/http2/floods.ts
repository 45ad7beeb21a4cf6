import type { Attack } from "../arena/attack.ts";
import { Attacker } from "../wire/attacker.ts";
import {
  block,
  data,
  frame,
  get,
  goAway,
  headers,
  index,
  literal,
  NOTHING,
  post,
  requestFields,
  reset,
  settings,
  TYPE,
  uint32,
  windowUpdate,
} from "../wire/frames.ts";
import {
  brokenOff,
  flood,
  floodInBursts,
  floodServed,
  floodUnread,
  neighbour,
  stream,
} from "./strike.ts";

const CALM = "GOAWAY ENHANCE_YOUR_CALM";
/** A hundred, and half of the requests, may be broken off: about so many of them began. */
const PREMATURE = 250;
const MANY = 10_000;
const PING = frame(TYPE.ping, 0, 0, Buffer.from("12345678"));
const PLENTY = 0x7fff_ffff;

/** What a stream is told that makes the proxy reset it (CVE-2025-8671). */
const TRIGGERS: readonly (readonly [string, (id: number) => Buffer])[] = [
  ["a WINDOW_UPDATE by 0", (id) => Buffer.concat([post(id, "/hold"), windowUpdate(id, 0)])],
  [
    "a WINDOW_UPDATE beyond 2^31-1",
    (id) => Buffer.concat([post(id, "/hold"), windowUpdate(id, PLENTY)]),
  ],
  [
    "a PRIORITY frame of 4 bytes",
    (id) => Buffer.concat([post(id, "/hold"), frame(TYPE.priority, 0, id, uint32(0))]),
  ],
  [
    "a stream that depends on itself",
    (id) => {
      const payload = Buffer.concat([uint32(id), Buffer.from([16])]);
      return Buffer.concat([post(id, "/hold"), frame(TYPE.priority, 0, id, payload)]);
    },
  ],
  [
    "HEADERS behind END_STREAM",
    (id) => Buffer.concat([get(id, "/hold"), headers(id, block([["x-late", "1"]]))]),
  ],
  ["DATA behind END_STREAM", (id) => Buffer.concat([get(id, "/hold"), data(id, "late")])],
];

const MADE_RESETS: readonly Attack[] = TRIGGERS.map(([name, bytes]) => ({
  name: `MadeYouReset: ${name}`,
  source: "CVE-2025-8671",
  verdict: CALM,
  forwarded: PREMATURE,
  run: (arena, spent) => flood(arena, spent, MANY, (turn) => bytes(stream(turn))),
}));

const begunHead = frame(TYPE.headers, 0, 1, block(requestFields("/continued")));

function continuations(name: string, source: string, payload: Buffer): Attack {
  const piece = frame(TYPE.continuation, 0, 1, payload);
  const bytes = (turn: number): Buffer => (turn === 0 ? begunHead : piece);
  return {
    name,
    source,
    verdict: CALM,
    run: (arena, spent) => flood(arena, spent, MANY, bytes),
  };
}

/** One of a stream's control frames, again and again. */
function repeated(name: string, source: string, first: Buffer, again: Buffer): Attack {
  return {
    name,
    source,
    verdict: CALM,
    forwarded: 1,
    run: (arena, spent) => flood(arena, spent, MANY, (turn) => (turn === 0 ? first : again)),
  };
}

/** What costs no more than it is worth: it is served, however often it comes. */
function borne(
  name: string,
  source: string,
  times: number,
  bytes: (turn: number) => Buffer,
  last = 3,
): Attack {
  return {
    name,
    source,
    verdict: "served",
    forwarded: 1,
    run: (arena, spent) => floodServed(arena, spent, times, bytes, last),
  };
}

/** Whose answers are read before more is sent: it is served. */
function inBursts(
  name: string,
  source: string,
  answer: string,
  bytes: (turn: number) => Buffer,
  first: Buffer = NOTHING,
): Attack {
  return {
    name: `${name}, answers read`,
    source,
    verdict: "served",
    forwarded: 50,
    run: (arena, spent) => floodInBursts(arena, spent, first, { bytes, answer, last: 999 }),
  };
}

const unread = (name: string, source: string, bytes: Buffer): Attack => ({
  name: `${name}, answers never read`,
  source,
  // What is told somebody who does not read may not reach him.
  verdict: /^GOAWAY ENHANCE_YOUR_CALM$|^closed$/,
  run: (arena, spent) => floodUnread(arena, spent, 1_000_000, bytes),
});

/** 2,730 settings of one frame: as many as fit. */
const LONG_SETTINGS = settings(
  ...Array.from({ length: 2730 }, (_, i): [number, number] => [4, i * 1000]),
);

export const FLOODS: readonly Attack[] = [
  {
    name: "Rapid Reset",
    source: "CVE-2023-44487",
    verdict: CALM,
    forwarded: PREMATURE,
    run: (arena, spent) => flood(arena, spent, MANY, brokenOff),
  },
  ...MADE_RESETS,
  continuations("CONTINUATION without end, 1 KiB each", "CVE-2024-27919", Buffer.alloc(1024, "a")),
  continuations("CONTINUATION without end, 1 byte each", "CVE-2024-30255", Buffer.alloc(1)),
  continuations("CONTINUATION without bytes", "CVE-2026-33871", NOTHING),
  unread("PING flood", "CVE-2019-9512", PING),
  unread("SETTINGS flood", "CVE-2019-9515", settings()),
  repeated("PING flood", "CVE-2019-9512", NOTHING, PING),
  repeated("SETTINGS flood", "CVE-2019-9515", NOTHING, settings()),
  inBursts("PING", "CVE-2019-9512", "PING ack", () => PING),
  inBursts("SETTINGS", "CVE-2019-9515", "SETTINGS ack", () => settings()),
  inBursts(
    "windows that flip",
    "RFC 9113 section 6.9.2",
    "SETTINGS ack",
    (turn) => settings([4, 1000 * (turn % 2)]),
    Buffer.concat(Array.from({ length: 50 }, (_, i) => get(stream(i), "/hold"))),
  ),
  borne("SETTINGS of 16 KiB", "CVE-2020-11080", 100, () => LONG_SETTINGS),
  repeated("empty DATA", "CVE-2019-9518", post(1, "/hold"), data(1, "")),
  repeated(
    "PRIORITY flood",
    "CVE-2019-9513",
    get(1, "/hold"),
    frame(TYPE.priority, 0, 1, Buffer.from([0, 0, 0, 0, 16])),
  ),
  repeated("WINDOW_UPDATE flood", "Envoy", get(1, "/hold"), windowUpdate(1, 1)),
  repeated("WINDOW_UPDATE flood of the connection", "Envoy", get(1, "/hold"), windowUpdate(0, 1)),
  borne("RST_STREAM of what is over", "CVE-2019-9514", MANY, (turn) =>
    turn === 0 ? Buffer.concat([get(1, "/hold"), reset(1)]) : reset(1),
  ),
  borne("frames of unknown types", "RFC 9113 section 5.5", MANY, () => frame(0x7b, 0xff, 1)),
  {
    name: "an answer taken in crumbs of one byte",
    source: "CVE-2019-9511",
    verdict: "served",
    forwarded: 1,
    run: async (arena, spent) => {
      const attacker = await Attacker.openHttp2(arena.ports.listeners.plain, spent, [[4, 1]]);
      await attacker.send(get(1, "/large"));
      for (let turn = 1; turn <= 2000 && (await attacker.sees("DATA 1", turn)); turn++) {
        await attacker.send(windowUpdate(1, 1));
      }
      await attacker.send(reset(1), settings([4, 65_535]));
      return neighbour(attacker, 3);
    },
  },
  {
    name: "GOAWAY flood",
    source: "RFC 9113 section 6.8",
    // A client that has said that it is done, and is not waiting for anything.
    verdict: "closed",
    run: (arena, spent) => flood(arena, spent, MANY, () => goAway(0)),
  },
  {
    name: "requests with empty names",
    source: "CVE-2019-9516",
    verdict: CALM,
    run: (arena, spent) => {
      const empty = Buffer.concat(Array.from({ length: 1000 }, () => literal("", "")));
      const head = Buffer.concat([block(requestFields("/empty")), empty]);
      return flood(arena, spent, 1000, (turn) => headers(stream(turn), head));
    },
  },
  {
    name: "HPACK bomb",
    source: "CVE-2016-6581",
    verdict: CALM,
    run: (arena, spent) => {
      const entry = literal("x-bomb", "b".repeat(4000), true);
      const references = Buffer.concat(Array.from({ length: 10_000 }, () => index(62)));
      const head = Buffer.concat([block(requestFields("/bomb")), entry, references]);
      return flood(arena, spent, 1000, (turn) => headers(stream(turn), head));
    },
  },
  {
    name: "cookie crumbs",
    source: "CVE-2026-47774",
    verdict: CALM,
    run: (arena, spent) => {
      const crumb = literal("cookie", "c=d", true);
      const references = Buffer.concat(Array.from({ length: 10_000 }, () => index(62)));
      const head = Buffer.concat([block(requestFields("/crumbs")), crumb, references]);
      return flood(arena, spent, 1000, (turn) => headers(stream(turn), head));
    },
  },
  {
    name: "heads that the streams' bound refuses",
    source: "RFC 9113 section 5.1.2",
    // Beyond 1024 at once they are refused, which counts as made by the client.
    verdict: CALM,
    forwarded: 1100,
    run: (arena, spent) => flood(arena, spent, 5000, (turn) => get(stream(turn), "/hold")),
  },
];
