import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { decode, encode, type Packet, streamEncode } from "dns-packet";
import { afterEach, describe, expect, it } from "vitest";
import { Responder } from "./responder.ts";
import type { Answer } from "./zone.ts";

const MANY = Array.from({ length: 100 }, (_, index) => `10.200.1.${index}`);
const ANSWERS: Readonly<Record<string, Answer>> = {
  "reviews.default.svc.cluster.local": { kind: "addresses", addresses: ["10.96.0.1"] },
  "many.default.svc.cluster.local": { kind: "addresses", addresses: MANY },
  "nobody.default.svc.cluster.local": { kind: "unknown" },
};

let running: Responder | undefined;
afterEach(() => {
  running?.close();
  running = undefined;
});

async function start(forwarded: Buffer | undefined = undefined): Promise<number> {
  running = await Responder.listen({
    host: "127.0.0.1",
    port: 0,
    lookup: (name) => ANSWERS[name] ?? { kind: "elsewhere" },
    forward: () => (forwarded ? Promise.resolve(forwarded) : Promise.reject(new Error("none"))),
  });
  return running.port;
}

function query(name: string, type: "A" | "AAAA" = "A"): Packet {
  return { type: "query", id: 7, flags: 256, questions: [{ type, name }] };
}

function overUdp(port: number, packet: Packet): Promise<Packet> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("message", (reply) => {
      socket.close();
      resolve(decode(reply));
    });
    socket.send(encode(packet), port, "127.0.0.1");
  });
}

function overTcp(port: number, packet: Packet): Promise<Packet> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(streamEncode(packet)));
    let received = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      socket.destroy();
      resolve(decode(received.subarray(2)));
    });
  });
}

const addresses = (packet: Packet): unknown[] =>
  (packet.answers ?? []).map((record) => (record.type === "A" ? record.data : record.type));
const codeOf = (packet: Packet): number => (packet.flags ?? 0) & 15;

describe.each([
  { transport: "UDP", ask: overUdp },
  { transport: "TCP", ask: overTcp },
])("the responder over $transport", ({ ask }) => {
  it("answers a service's name with its address", async () => {
    const reply = await ask(await start(), query("reviews.default.svc.cluster.local"));
    expect([reply.id, codeOf(reply), addresses(reply)]).toEqual([7, 0, ["10.96.0.1"]]);
  });

  it("says that a name of the mesh does not exist", async () => {
    const reply = await ask(await start(), query("nobody.default.svc.cluster.local"));
    expect(codeOf(reply)).toBe(3);
  });

  it("has no IPv6 address for a name that exists", async () => {
    const reply = await ask(await start(), query("reviews.default.svc.cluster.local", "AAAA"));
    expect([codeOf(reply), addresses(reply)]).toEqual([0, []]);
  });

  it("hands on what the host's resolver says of other names", async () => {
    const reply = encode({ type: "response", id: 9 });
    expect((await ask(await start(reply), query("example.com"))).id).toBe(9);
  });

  it("fails a query that no resolver answers", async () => {
    expect(codeOf(await ask(await start(), query("example.com")))).toBe(2);
  });
});

describe("an answer that is too long for a datagram", () => {
  it("is cut, and whole over TCP", async () => {
    const port = await start();
    const cut = await overUdp(port, query("many.default.svc.cluster.local"));
    expect([(cut.flags ?? 0) & 512, addresses(cut)]).toEqual([512, []]);
    const whole = await overTcp(port, query("many.default.svc.cluster.local"));
    expect(addresses(whole)).toEqual(MANY);
  });
});
