import { encode } from "dns-packet";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import type { Transport } from "./answerer.ts";
import { type AskingOwner, Forwarder } from "./forwarder.ts";
import { type Query, readQuery } from "./query.ts";

interface Question {
  readonly server: string;
  readonly message: Buffer;
  readonly transport: Transport;
  readonly owner: AskingOwner;
  cancelled: boolean;
}

/** A forwarder whose servers are the test. */
function scene(servers: readonly string[] = ["first", "second"]) {
  const clock = new VirtualClock();
  const asked: Question[] = [];
  let id = 1000;
  const counted = { forwarded: 0, failed: 0 };
  const forwarder = new Forwarder({
    ...{ servers, clock, nextId: () => id++ },
    ask: (server, message, transport, owner) => {
      const question = { server, message, transport, owner, cancelled: false };
      asked.push(question);
      return {
        cancel: () => {
          question.cancelled = true;
        },
      };
    },
    observer: {
      forwarded: () => {
        counted.forwarded += 1;
      },
      failed: () => {
        counted.failed += 1;
      },
    },
  });
  const at = (index: number): Question => {
    const question = asked[index];
    if (question === undefined) throw new Error(`question ${index} was not asked`);
    return question;
  };
  return { clock, asked, at, counted, forwarder };
}

const QUERY: Query = (() => {
  const questions = [{ name: "example.com", type: "A" as const }];
  const reading = readQuery(encode({ type: "query", id: 7, flags: 256, questions }));
  if (reading.kind !== "query") throw new Error("not a query");
  return reading.query;
})();

/** The message as a reply, with some bytes of it changed. */
function replyTo({ message }: Question, code = 0, change: Record<number, number> = {}): Buffer {
  const reply = Buffer.from(message);
  reply[2] = 0x81;
  reply[3] = 0x80 | code;
  for (const [at, byte] of Object.entries(change)) reply[Number(at)] = byte;
  return reply;
}

/** Lets what waits for a promise go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a forwarded question", () => {
  it("has an id of its own, and its reply the client's", async () => {
    const { at, forwarder, counted } = scene();
    const reply = forwarder.forward(QUERY, "udp");
    expect([at(0).server, at(0).transport, at(0).message.readUInt16BE(0)]).toEqual([
      ...["first", "udp"],
      1000,
    ]);
    at(0).owner.onReply(replyTo(at(0)));
    expect((await reply).readUInt16BE(0)).toBe(7);
    expect([at(0).cancelled, counted]).toEqual([true, { forwarded: 1, failed: 0 }]);
  });

  it.each([
    { what: "of another id", change: { 1: 0 } },
    { what: "of another name", change: { 13: 0x66 } },
    { what: "of another type", change: { 26: 28 } },
    { what: "of another operation", change: { 2: 0xa1 } },
    { what: "that is a question", change: { 2: 0x01 } },
    { what: "without question", change: { 5: 0 } },
  ])("passes over a reply $what", async ({ change }) => {
    const { at, forwarder } = scene();
    const reply = forwarder.forward(QUERY, "udp");
    at(0).owner.onReply(replyTo(at(0), 0, change));
    at(0).owner.onReply(replyTo(at(0), 3));
    expect((await reply).readUInt16BE(2) & 15).toBe(3);
  });

  it("passes over no more than a few, then asks the next server", async () => {
    const { at, asked, forwarder } = scene();
    const reply = forwarder.forward(QUERY, "udp");
    for (let index = 0; index < 16; index++) at(0).owner.onReply(replyTo(at(0), 0, { 1: 0 }));
    await turn();
    expect(asked.map(({ server }) => server)).toEqual(["first", "second"]);
    at(1).owner.onReply(replyTo(at(1)));
    await reply;
  });

  it("takes letters of either case for the same name", async () => {
    const { at, forwarder } = scene();
    const reply = forwarder.forward(QUERY, "udp");
    at(0).owner.onReply(replyTo(at(0), 0, { 13: 0x45 }));
    await reply;
  });
});

describe("a server that is silent, unreachable or unable", () => {
  it.each([
    {
      how: "is silent for two seconds",
      fail: (s: ReturnType<typeof scene>) => s.clock.advance(2000),
    },
    { how: "cannot be reached", fail: (s: ReturnType<typeof scene>) => s.at(0).owner.onFailure() },
    {
      how: "says that it failed",
      fail: (s: ReturnType<typeof scene>) => s.at(0).owner.onReply(replyTo(s.at(0), 2)),
    },
    {
      how: "refuses",
      fail: (s: ReturnType<typeof scene>) => s.at(0).owner.onReply(replyTo(s.at(0), 5)),
    },
  ])("that $how is followed by the next, which is then asked first", async ({ fail }) => {
    const running = scene();
    const reply = running.forwarder.forward(QUERY, "udp");
    fail(running);
    await turn();
    expect([running.at(1).server, running.at(0).cancelled]).toEqual(["second", true]);
    running.at(1).owner.onReply(replyTo(running.at(1)));
    await reply;
    void running.forwarder.forward(QUERY, "udp").catch(() => {});
    expect(running.at(2).server).toBe("second");
  });

  it("fails the question where it was the last", async () => {
    const { clock, forwarder, counted } = scene(["only"]);
    const reply = expect(forwarder.forward(QUERY, "udp")).rejects.toThrow("no resolver answered");
    clock.advance(2000);
    await reply;
    expect(counted).toEqual({ forwarded: 1, failed: 1 });
  });

  it("is quoted where no other said more", async () => {
    const { at, clock, forwarder } = scene();
    const reply = forwarder.forward(QUERY, "udp");
    at(0).owner.onReply(replyTo(at(0), 5));
    await turn();
    clock.advance(2000);
    expect((await reply).readUInt16BE(2) & 15).toBe(5);
  });
});

describe("bounds", () => {
  it("no more than three servers are asked", async () => {
    const { asked, clock, forwarder } = scene(["1", "2", "3", "4"]);
    const reply = expect(forwarder.forward(QUERY, "udp")).rejects.toThrow();
    for (let index = 0; index < 4; index++) {
      clock.advance(2000);
      await turn();
    }
    await reply;
    expect(asked).toHaveLength(3);
  });

  it("no more than 512 questions are under way at a time", async () => {
    const { asked, at, forwarder } = scene();
    const replies = Array.from({ length: 512 }, () => forwarder.forward(QUERY, "udp"));
    await expect(forwarder.forward(QUERY, "udp")).rejects.toThrow("too many");
    for (const question of asked) question.owner.onReply(replyTo(question));
    await Promise.all(replies);
    const next = forwarder.forward(QUERY, "udp");
    at(512).owner.onReply(replyTo(at(512)));
    await next;
  });
});
