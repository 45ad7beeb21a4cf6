import type { Arena } from "../arena/arena.ts";
import type { Attack } from "../arena/attack.ts";
import { Attacker, type Spent } from "../wire/attacker.ts";
import {
  block,
  data,
  type Field,
  frame,
  goAway,
  headers,
  index,
  literal,
  NOTHING,
  reset,
  settings,
  TYPE,
  uint32,
  windowUpdate,
} from "../wire/frames.ts";
import type { Misdeed } from "../wire/hostile-upstream.ts";

const ASK = "GET /hostile HTTP/1.1\r\nhost: a\r\nuser-agent: u\r\n\r\n";
const OK: Buffer = block([[":status", "200"]]);
const MANY = 10_000;

/** What a client is told, and what the upstream. */
async function answered(
  arena: Arena,
  spent: Spent,
  misdeed: Misdeed,
  options: {
    readonly greeting?: Buffer;
    readonly ask?: string;
    readonly deaf?: boolean;
    quiet?: boolean;
  } = {},
): Promise<string> {
  const { hostile } = arena;
  hostile.reset();
  hostile.misdeed = misdeed;
  if (options.greeting !== undefined) hostile.greeting = options.greeting;
  const client = await Attacker.open(arena.ports.listeners.plain, spent);
  await client.send(options.ask ?? ASK);
  await client.sees(/^\d/);
  if (options.deaf === true) client.socket.pause();
  const [connection] = hostile.connections;
  if (options.quiet !== true) await connection?.sees(/^GOAWAY (?!NO_ERROR)|^RST_STREAM|^closed/);
  client.socket.resume();
  await client.sees(/^\d/);
  const said = `${client.events.find((event) => /^\d/.test(event)) ?? "no answer"}`;
  const verdict = `${said}; ${connection?.verdict ?? "no connection"}`;
  for (const { socket } of hostile.connections) spent.bytes += socket.bytesWritten;
  await client.leave();
  hostile.reset();
  return verdict;
}

function misdeed(
  name: string,
  source: string,
  verdict: string | RegExp,
  bytes: (stream: number) => Buffer,
  greeting?: Buffer,
): Attack {
  const deed: Misdeed = (connection, stream) => connection.send(bytes(stream));
  const options = greeting === undefined ? {} : { greeting };
  return { name, source, verdict, run: (arena, spent) => answered(arena, spent, deed, options) };
}

/** The same bytes again and again, until the proxy has had enough. */
function flood(
  name: string,
  source: string,
  verdict: string | RegExp,
  first: (stream: number) => Buffer,
  again: (stream: number) => Buffer,
  options: { readonly ask?: string; readonly deaf?: boolean } = {},
): Attack {
  const deed: Misdeed = async (connection, stream) => {
    await connection.send(first(stream));
    const many = Buffer.concat(Array.from({ length: 100 }, () => again(stream)));
    for (let sent = 0; sent < MANY && (await connection.send(many)); sent += 100) await turn();
  };
  return { name, source, verdict, run: (arena, spent) => answered(arena, spent, deed, options) };
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

// Who still sends when we close may not see what we said last.
const CALM = /^(?:502|200); (?:GOAWAY ENHANCE_YOUR_CALM|closed)$/;
const RESET = "502; RST_STREAM PROTOCOL_ERROR";
const SECTION = "RFC 9113 section 8.3.2";
const ok = (id: number): Buffer => headers(id, OK, false);

/** Responses that are malformed. */
const HEADS: readonly (readonly [string, readonly Field[]])[] = [
  ["no :status", [["a", "b"]]],
  [
    ":status twice",
    [
      [":status", "200"],
      [":status", "404"],
    ],
  ],
  [":status of 99", [[":status", "99"]]],
  [":status of 2000", [[":status", "2000"]]],
  [":status of letters", [[":status", "2OO"]]],
  [":status of 101", [[":status", "101"]]],
  [
    ":path in a response",
    [
      [":status", "200"],
      [":path", "/"],
    ],
  ],
  [
    ":status behind a field",
    [
      ["a", "b"],
      [":status", "200"],
    ],
  ],
  [
    "a value with a line end",
    [
      [":status", "200"],
      ["a", "b\r\nset-cookie: c"],
    ],
  ],
  [
    "a name in upper case",
    [
      [":status", "200"],
      ["A", "b"],
    ],
  ],
  [
    "a name with a line end",
    [
      [":status", "200"],
      ["a\r\nb", "c"],
    ],
  ],
  [
    "connection",
    [
      [":status", "200"],
      ["connection", "close"],
    ],
  ],
  [
    "transfer-encoding",
    [
      [":status", "200"],
      ["transfer-encoding", "chunked"],
    ],
  ],
  [
    "content-length twice",
    [
      [":status", "200"],
      ["content-length", "1"],
      ["content-length", "2"],
    ],
  ],
  [
    "a content-length of -1",
    [
      [":status", "200"],
      ["content-length", "-1"],
    ],
  ],
  [
    "a content-length and no body",
    [
      [":status", "200"],
      ["content-length", "5"],
    ],
  ],
];

const BROKEN: readonly Attack[] = [
  misdeed("DATA before the head", SECTION, RESET, (id) => data(id, "a")),
  misdeed("DATA beyond content-length", SECTION, "200; RST_STREAM PROTOCOL_ERROR", (id) =>
    Buffer.concat([
      headers(
        id,
        block([
          [":status", "200"],
          ["content-length", "1"],
        ]),
        false,
      ),
      data(id, "abc", true),
    ]),
  ),
  misdeed("trailers with :status", SECTION, "200; RST_STREAM PROTOCOL_ERROR", (id) =>
    Buffer.concat([ok(id), data(id, "a"), headers(id, OK)]),
  ),
  misdeed("trailers with content-length", SECTION, "200; RST_STREAM PROTOCOL_ERROR", (id) =>
    Buffer.concat([ok(id), data(id, "a"), headers(id, block([["content-length", "1"]]))]),
  ),
  misdeed("trailers without END_STREAM", SECTION, "200; RST_STREAM PROTOCOL_ERROR", (id) =>
    Buffer.concat([ok(id), data(id, "a"), headers(id, block([["a", "1"]]), false)]),
  ),
  misdeed("trailers with a line end", SECTION, "200; RST_STREAM PROTOCOL_ERROR", (id) =>
    Buffer.concat([ok(id), data(id, "a"), headers(id, block([["a", "1\r\nb: c"]]))]),
  ),
];

const GOES_AWAY: readonly Attack[] = [
  misdeed("PUSH_PROMISE", "RFC 9113 section 8.4", "502; GOAWAY PROTOCOL_ERROR", (id) =>
    frame(TYPE.push, 4, id, Buffer.concat([uint32(2), OK])),
  ),
  misdeed("HEADERS on a stream of its own", "RFC 9113", "502; GOAWAY PROTOCOL_ERROR", () =>
    headers(2, OK),
  ),
  misdeed("HEADERS on a stream to come", "RFC 9113", "502; GOAWAY PROTOCOL_ERROR", () =>
    headers(1001, OK),
  ),
  misdeed("ENABLE_PUSH", "RFC 9113 section 6.5.2", "502; GOAWAY PROTOCOL_ERROR", () =>
    settings([2, 1]),
  ),
  misdeed("a window beyond 2^31-1", "RFC 9113", "502; GOAWAY FLOW_CONTROL_ERROR", () =>
    windowUpdate(0, 0x7fff_ffff),
  ),
  misdeed("malformed HPACK", "RFC 7541", "502; GOAWAY COMPRESSION_ERROR", (id) =>
    headers(id, Buffer.from([0x80])),
  ),
  misdeed("a frame of 16,385 bytes", "RFC 9113", "502; GOAWAY FRAME_SIZE_ERROR", (id) =>
    headers(id, Buffer.alloc(16_385)),
  ),
  misdeed(
    "HTTP/1.1 instead",
    "protocol confusion",
    /^50[23]; GOAWAY (FRAME_SIZE|PROTOCOL)_ERROR$/,
    () => NOTHING,
    Buffer.from("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"),
  ),
  flood(
    "SETTINGS flood",
    "CVE-2019-9515",
    CALM,
    () => NOTHING,
    () => settings(),
  ),
  flood(
    "PING flood",
    "CVE-2019-9512",
    CALM,
    () => NOTHING,
    () => frame(TYPE.ping, 0, 0, Buffer.alloc(8)),
  ),
  flood(
    "CONTINUATION without end",
    "CVE-2024-28182",
    CALM,
    (id) => frame(TYPE.headers, 0, id, OK),
    (id) => frame(TYPE.continuation, 0, id, Buffer.alloc(1000)),
  ),
  flood("empty DATA", "CVE-2019-9518", CALM, ok, (id) => data(id, "")),
  flood(
    "WINDOW_UPDATE flood",
    "Envoy",
    CALM,
    () => NOTHING,
    (id) => windowUpdate(id, 1),
  ),
  flood(
    "1,000 interim answers",
    "a 103 for ever",
    /^103; RST_STREAM (CANCEL|PROTOCOL_ERROR)$/,
    () => NOTHING,
    (id) => headers(id, block([[":status", "103"]]), false),
  ),
  flood(
    "DATA beyond every window, to a client that does not read",
    "RFC 9113 section 6.9",
    "200; RST_STREAM FLOW_CONTROL_ERROR",
    ok,
    (id) => data(id, Buffer.alloc(16_384)),
    { deaf: true },
  ),
];

const REFUSALS: readonly Attack[] = [
  misdeed("GOAWAY that refuses everything", "RFC 9113 section 6.8", /^503; (closed|nothing)$/, () =>
    goAway(0),
  ),
  {
    name: "RST_STREAM of every request",
    source: "CVE-2023-44487 turned around",
    verdict: "503; nothing",
    run: (arena, spent) => {
      const deed: Misdeed = (connection, stream) => connection.send(reset(stream, 7));
      return answered(arena, spent, deed, { quiet: true });
    },
  },
  misdeed("an HPACK bomb", "CVE-2016-6581", "502; RST_STREAM ENHANCE_YOUR_CALM", (id) => {
    const entry = literal("x-bomb", "b".repeat(4000), true);
    const references = Array.from({ length: 10_000 }, () => index(62));
    return headers(id, Buffer.concat([OK, entry, ...references]));
  }),
  misdeed(
    "a window of the stream beyond 2^31-1",
    "RFC 9113",
    /RST_STREAM FLOW_CONTROL_ERROR$/,
    (id) => windowUpdate(id, 0x7fff_ffff),
  ),
  {
    name: "MAX_CONCURRENT_STREAMS of 0",
    source: "RFC 9113 section 6.5.2",
    // What goes out before the setting is known is answered by it.
    verdict: /^\d+ connections, not more than requests$/,
    run: async (arena, spent) => {
      const { hostile } = arena;
      hostile.reset();
      hostile.greeting = settings([3, 0]);
      hostile.misdeed = (connection, stream) => connection.send(headers(stream, OK));
      const client = await Attacker.open(arena.ports.listeners.plain, spent);
      for (let sent = 1; sent <= 50; sent++) {
        await client.send(ASK);
        await client.sees("200", sent);
      }
      const count = hostile.connections.length;
      await client.leave();
      hostile.reset();
      return `${count} connections, ${count <= 50 ? "not more than requests" : "too many"}`;
    },
  },
];

/** Upstreams that mean harm: the client gets an error, the upstream is told which. */
export const MISDEEDS: readonly Attack[] = [
  ...HEADS.map(([name, fields]) =>
    misdeed(name, SECTION, RESET, (id) => headers(id, block(fields))),
  ),
  ...BROKEN,
  ...GOES_AWAY,
  ...REFUSALS,
];
