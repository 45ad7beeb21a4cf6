import { createSocket } from "node:dgram";
import { connect, Server } from "node:net";
import { type DecodedPacket, decode, encode, type Packet, streamEncode } from "dns-packet";
import { afterEach, describe, expect, it, vi } from "vitest";
import { NAMES_MESH, namedPod } from "../../../test/support/names-mesh.ts";
import { systemClock } from "../../base/clock.ts";
import { Registry } from "../../metrics/registry.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";
import { Answerer } from "./answerer.ts";
import { askOverSockets } from "./ask.ts";
import { Forwarder } from "./forwarder.ts";
import { MessageStream } from "./message-stream.ts";
import { NameMetrics } from "./name-metrics.ts";
import type { DnsRecord } from "./reply.ts";
import { Responder } from "./responder.ts";
import { Zone } from "./zone.ts";

const MANY = Array.from({ length: 100 }, (_, index) => `10.200.1.${index}`);
const PODS = MANY.map((address, index) => namedPod(`web-${index}`, "web", address));
const zone = new Zone(NAMES_MESH, PODS, ["10.200.0.0/16"]);

const running: Responder[] = [];
afterEach(() => {
  for (const responder of running.splice(0)) responder.close();
});

/** A responder; what it does not know itself it asks of `world`'s port. */
async function start(world = 0): Promise<{ port: number; metrics: () => string }> {
  const registry = new Registry();
  const observer = new NameMetrics(registry);
  const forwarder = new Forwarder({
    servers: world === 0 ? [] : ["127.0.0.1"],
    ask: askOverSockets(world),
    clock: systemClock,
    nextId: () => 4321,
    observer,
  });
  const responder = await Responder.listen({
    ...{ host: "127.0.0.1", port: 0 },
    answerer: new Answerer({
      zone: () => zone,
      forward: (query, transport) => forwarder.forward(query, transport),
      observer,
    }),
    askerAt: () => ({ namespace: "a", sidecar: false }),
  });
  running.push(responder);
  return { port: responder.port, metrics: () => [...renderPrometheus(registry)].join("") };
}

function query(name: string, rest: Partial<Packet> = {}): Packet {
  return { type: "query", id: 7, flags: 256, questions: [{ type: "A", name }], ...rest };
}

function overUdp(port: number, packet: Packet): Promise<DecodedPacket> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("message", (reply) => {
      socket.close();
      resolve(decode(reply));
    });
    socket.send(encode(packet), port, "127.0.0.1");
  });
}

function overTcp(port: number, packet: Packet): Promise<DecodedPacket> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      // Byte by byte: a message may come in any pieces.
      for (const byte of streamEncode(packet)) socket.write(Buffer.from([byte]));
    });
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
    const reply = await ask((await start()).port, query("reviews.a.svc.cluster.local"));
    expect([reply.id, codeOf(reply), addresses(reply)]).toEqual([7, 0, ["10.96.0.10"]]);
  });

  it("hands on what another server says of other names", async () => {
    // Another mesh's responder is the world of this one.
    const world = await start();
    const { port, metrics } = await start(world.port);
    const reply = await ask(port, query("1.0.0.10.in-addr.arpa"));
    expect(codeOf(reply)).toBe(2);
    expect(metrics()).toContain("istio_agent_dns_upstream_requests_total 1");
    expect(metrics()).toContain('outrigger_dns_answers_total{source="upstream",code="SERVFAIL"} 1');
  });
});

describe("an answer that is too long for a datagram", () => {
  const NAME = "web.a.svc.cluster.local";

  it("is cut, and whole over TCP", async () => {
    const { port } = await start();
    const cut = await overUdp(port, query(NAME));
    expect([cut.flag_tc, addresses(cut)]).toEqual([true, []]);
    expect(addresses(await overTcp(port, query(NAME))).sort()).toEqual([...MANY].sort());
  });

  it("is cut at 1232 bytes, however much the client offers to take", async () => {
    const { port } = await start();
    const offer: DnsRecord = {
      ...{ type: "OPT", name: ".", udpPayloadSize: 65_535, extendedRcode: 0 },
      ...{ ednsVersion: 0, flags: 0, flag_do: false, options: [] },
    };
    const cut = await overUdp(port, query(NAME, { additionals: [offer] }));
    expect([cut.flag_tc, addresses(cut), cut.additionals?.length]).toEqual([true, [], 1]);
  });
});

describe("a TCP client", () => {
  it("that announces more than a query can be is disconnected", async () => {
    const { port } = await start();
    const closed = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(Buffer.from([0xff, 0xff, 0])));
      socket.on("close", () => resolve(true));
      socket.on("error", () => {});
      socket.resume();
    });
    expect(closed).toBe(true);
  });

  it("that says that it asks no more still hears an answer from elsewhere", async () => {
    const world = await start();
    const { port } = await start(world.port);
    const answered = await new Promise<number>((resolve) => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () =>
        socket.end(streamEncode(query("1.0.0.10.in-addr.arpa"))),
      );
      let bytes = 0;
      socket.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      socket.on("end", () => resolve(bytes));
    });
    expect(answered).toBeGreaterThan(2);
  });

  it("that cannot be accepted costs nobody else's answers", async () => {
    const listening = vi.spyOn(Server.prototype, "listen");
    const { port } = await start();
    const server = listening.mock.contexts.at(-1) as Server;
    listening.mockRestore();
    // As Node tells of a process without descriptors.
    for (let i = 0; i < 3; i++) server.emit("error", new Error("accept EMFILE"));
    expect(codeOf(await overUdp(port, query("reviews")))).toBe(0);
    expect(codeOf(await overTcp(port, query("reviews")))).toBe(0);
  });

  it("may read late what it has asked early", async () => {
    const { port } = await start();
    const message = streamEncode(query("web.a.svc.cluster.local"));
    const count = 3000;
    const replies = await new Promise<number>((resolve) => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      const answers = new MessageStream(0xffff);
      let heard = 0;
      socket.pause();
      socket.end(Buffer.concat(Array.from({ length: count }, () => message)), () =>
        socket.resume(),
      );
      socket.on("data", (chunk: Buffer) => {
        heard += answers.take(chunk)?.length ?? 0;
      });
      socket.on("end", () => resolve(heard));
    });
    expect(replies).toBe(count);
  });

  it("may ask many questions at once", async () => {
    const { port } = await start();
    const message = streamEncode(query("reviews"));
    const count = 100;
    const received = await new Promise<number>((resolve) => {
      const socket = connect(port, "127.0.0.1", () =>
        socket.write(Buffer.concat(Array.from({ length: count }, () => message))),
      );
      let bytes = 0;
      let size = 0;
      socket.on("data", (chunk: Buffer) => {
        if (bytes === 0) size = 2 + chunk.readUInt16BE(0);
        bytes += chunk.length;
        if (bytes < size * count) return;
        socket.destroy();
        resolve(bytes / size);
      });
    });
    expect(received).toBe(count);
  });
});
