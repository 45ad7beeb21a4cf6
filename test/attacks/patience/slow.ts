import type { Arena } from "../arena/arena.ts";
import type { Attack } from "../arena/attack.ts";
import { Attacker, type Spent } from "../wire/attacker.ts";
import {
  block,
  data,
  frame,
  get,
  PREFACE,
  post,
  requestFields,
  settings,
  TYPE,
} from "../wire/frames.ts";

/** Of one attack, all at once. */
const CONNECTIONS = 50;
/** Between two bytes: often enough that no timer of a silent connection ends it. */
const DRIP_MS = 50;
const SMALL_WINDOW = [[4, 0]] as const;

type Connect = (arena: Arena, spent: Spent) => Promise<Attacker>;

const http1: Connect = (arena, spent) => Attacker.open(arena.ports.listeners.short, spent);
const http2: Connect = (arena, spent) => Attacker.openHttp2(arena.ports.listeners.short, spent);

/** Many connections that say this, then go on byte by byte until the proxy has had enough. */
function dripping(
  name: string,
  verdict: string,
  connect: Connect,
  first: Buffer | string,
  then: string | Buffer,
): Attack {
  const byte = Buffer.from(then as string, "latin1");
  return {
    name,
    source: "slowhttptest",
    verdict,
    begins: true,
    run: (arena, spent) =>
      crowd(async () => {
        const attacker = await connect(arena, spent);
        await attacker.send(first);
        const drip = setInterval(() => void attacker.send(byte), DRIP_MS);
        const ended = await attacker.sees("closed");
        clearInterval(drip);
        const status = attacker.events.find((event) => /^\d/.test(event));
        await attacker.leave();
        return ended ? (status ?? "closed") : "it goes on for ever";
      }),
  };
}

/** All at once: what became of them, each word once. */
async function crowd(one: () => Promise<string>, count: number = CONNECTIONS): Promise<string> {
  const verdicts = await Promise.all(Array.from({ length: count }, one));
  return [...new Set(verdicts)].sort().join(", ");
}

/** A head that is cut in the middle of its block. */
const CUT: Buffer = frame(TYPE.headers, 5, 1, block(requestFields("/cut"))).subarray(0, 30);
const BEGUN: Buffer = frame(TYPE.headers, 1, 1, block(requestFields("/cut")));
const CONTINUED: Buffer = frame(TYPE.continuation, 0, 1, Buffer.from([0x88]));
const BODY = "POST /body HTTP/1.1\r\nhost: a\r\n";

/** Says this and then nothing. */
function silent(name: string, verdict: string, connect: Connect, ...first: Buffer[]): Attack {
  return {
    name,
    source: "RFC 9112 section 9.8",
    verdict,
    begins: true,
    run: (arena, spent) =>
      crowd(async () => {
        const attacker = await connect(arena, spent);
        await attacker.send(...first);
        const ended = await attacker.sees("closed");
        const status = attacker.events.find((event) => /^\d/.test(event));
        await attacker.leave();
        return ended ? (status ?? "closed") : "it stays for ever";
      }),
  };
}

export const SLOW: readonly Attack[] = [
  dripping("slowloris, HTTP/1.1", "408", http1, "GET / HTTP/1.1\r\nhost: a\r\nx-a: ", "b"),
  dripping("slowloris, a field a time", "408", http1, "GET / HTTP/1.1\r\nhost: a\r\n", "b: c\r\n"),
  dripping("slowloris, HTTP/2", "closed", http2, CUT, "b"),
  dripping("slowloris, CONTINUATION", "closed", http2, BEGUN, CONTINUED),
  silent(
    "a body that stops, HTTP/1.1",
    "408",
    http1,
    Buffer.from(`${BODY}content-length: 9\r\n\r\na`),
  ),
  silent(
    "a chunk that stops",
    "408",
    http1,
    Buffer.from(`${BODY}transfer-encoding: chunked\r\n\r\n5\r\nab`),
  ),
  silent(
    "trailers that stop",
    "408",
    http1,
    Buffer.from(`${BODY}transfer-encoding: chunked\r\n\r\n0\r\nx-a: b`),
  ),
  silent("half a preface", "closed", http1, PREFACE.subarray(0, 10)),
  silent("a preface, and no SETTINGS", "closed", http1, PREFACE),
  silent("nothing at all", "closed", http1),
  {
    name: "a body that stops, HTTP/2",
    source: "slowhttptest",
    verdict: "RST_STREAM NO_ERROR",
    begins: true,
    run: (arena, spent) =>
      crowd(async () => {
        const attacker = await http2(arena, spent);
        await attacker.send(post(1, "/body"), data(1, "a"));
        const verdict = await attacker.verdict();
        await attacker.leave();
        return attacker.count("HEADERS 1") === 1 ? verdict : `${verdict}, no answer`;
      }),
  },
  {
    name: "an answer that nobody reads, HTTP/1.1",
    source: "slowhttptest",
    verdict: "cut off",
    forwarded: CONNECTIONS,
    fills: true,
    run: (arena, spent) =>
      crowd(async () => {
        const attacker = await http1(arena, spent);
        attacker.socket.pause();
        await attacker.send("GET /large HTTP/1.1\r\nhost: a\r\n\r\n");
        return readsLate(arena, attacker);
      }),
  },
  {
    name: "100 answers, windows of 0",
    source: "CVE-2019-9517",
    verdict: "100 RST_STREAM INTERNAL_ERROR, origin held back",
    forwarded: 100,
    run: async (arena, spent) => {
      const before = arena.origin.largeBytes;
      const port = arena.ports.listeners.short;
      const attacker = await Attacker.openHttp2(port, spent, SMALL_WINDOW);
      for (let id = 1; id < 200; id += 2) await attacker.send(get(id, "/large"));
      await attacker.sees(/^RST_STREAM/, 100);
      const count = attacker.count("RST_STREAM 1 INTERNAL_ERROR") * attacker.count(/^RST_STREAM/);
      const verdict = await attacker.verdict();
      await attacker.leave();
      const held = arena.origin.largeBytes - before < 100 * 8 * 1024 * 1024;
      return `${count} ${verdict}, origin ${held ? "held back" : "drained"}`;
    },
  },
  {
    name: "2,000 idle connections",
    source: "the C10K of old",
    verdict: "closed",
    run: (arena, spent) => crowd(() => hoarded(arena, spent), 2000),
  },
  {
    name: "an accept storm",
    source: "half-open connections",
    verdict: "left",
    run: (arena, spent) =>
      crowd(async () => {
        const attacker = await Attacker.open(arena.ports.listeners.plain, spent);
        await attacker.send("G");
        attacker.socket.resetAndDestroy();
        return (await attacker.sees("closed")) ? "left" : "stays";
      }, 2000),
  },
  {
    name: "windows opened and shut again",
    source: "RFC 9113 section 6.9.3",
    verdict: "RST_STREAM INTERNAL_ERROR",
    forwarded: 1,
    run: async (arena, spent) => {
      const attacker = await Attacker.openHttp2(arena.ports.listeners.short, spent, SMALL_WINDOW);
      await attacker.send(get(1, "/large"));
      await attacker.sees("HEADERS 1");
      await attacker.send(settings([4, 1]), settings([4, 0]));
      const verdict = await attacker.verdict();
      await attacker.leave();
      return verdict;
    },
  },
];

async function hoarded(arena: Arena, spent: Spent): Promise<string> {
  const attacker = await http1(arena, spent);
  const ended = await attacker.sees("closed");
  await attacker.leave();
  return ended ? "closed" : "stays";
}

/** Whether the proxy gives an answer up that is not taken in time. */
async function readsLate(arena: Arena, attacker: Attacker): Promise<string> {
  await arena.until("downstream_rq_active", "short", 0);
  attacker.socket.resume();
  const ended = await attacker.sees("closed");
  await attacker.leave();
  return ended ? "cut off" : "served for ever";
}
