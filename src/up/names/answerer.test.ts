import { type DecodedPacket, decode, encode, type Packet } from "dns-packet";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NAMES_MESH, PODS } from "../../../test/support/names-mesh.ts";
import { Answerer, type Transport } from "./answerer.ts";
import type { Query } from "./query.ts";
import { Zone } from "./zone.ts";

const zone = new Zone(NAMES_MESH, PODS, ["10.200.0.0/16"]);

interface Run {
  readonly packet: DecodedPacket | undefined;
  readonly reply: Buffer | undefined;
  readonly counted: readonly string[];
  readonly forwarded: readonly string[];
}

/** `world`: what the resolver says; undefined: nothing. `times`: how often it is asked. */
async function answer(
  message: Buffer,
  world: Packet | undefined = undefined,
  times = 1,
): Promise<Run> {
  const counted: string[] = [];
  const forwarded: string[] = [];
  const answerer = new Answerer({
    zone: () => zone,
    forward: (query: Query, transport: Transport) => {
      forwarded.push(`${transport} ${query.writtenName}`);
      if (world === undefined) return Promise.reject(new Error("silent"));
      return Promise.resolve(encode({ ...world, id: query.id }));
    },
    observer: {
      asked: (transport) => counted.push(transport),
      dropped: () => counted.push("dropped"),
      answered: (source, code) => counted.push(`${source} ${code}`),
    },
  });
  const asker = { namespace: "a", sidecar: false };
  for (let before = 1; before < times; before++) await answerer.answer(message, asker, "udp");
  const answered = await answerer.answer(message, asker, "udp");
  const reply = answered?.reply;
  return { packet: reply && decode(reply), reply, counted, forwarded };
}

type Asked = "A" | "AAAA" | "ANY" | "AXFR" | "CNAME" | "SRV" | "TXT";

function query(name: string, type: Asked = "A", rest: Partial<Packet> = {}): Buffer {
  const question = { name, type: type as "A" };
  return encode({ type: "query", id: 7, flags: 256, questions: [question], ...rest });
}

/** The bytes of a query, with some of them put in place of others. */
function spoilt(at: number, ...bytes: readonly number[]): Buffer {
  const message = query("reviews.a.svc.cluster.local");
  Buffer.from(bytes).copy(message, at);
  return message;
}

const code = (run: Run): number => (run.packet?.flags ?? 0) & 15;
const records = (run: Run): unknown[] =>
  (run.packet?.answers ?? []).map((record) => [
    record.type,
    "name" in record ? record.name : "",
    "data" in record ? record.data : "",
  ]);

describe("a name of the mesh", () => {
  it("is answered with its address for 30 seconds, in the client's own letters", async () => {
    const run = await answer(query("ReViews.a.svc.Cluster.local"));
    expect(run.packet).toMatchObject({ id: 7, flag_aa: true, flag_ra: true, flag_rd: true });
    expect(run.packet?.questions?.[0]?.name).toBe("ReViews.a.svc.Cluster.local");
    expect(run.packet?.answers).toMatchObject([{ type: "A", ttl: 30, data: "10.96.0.10" }]);
    expect(run.counted).toEqual(["udp", "mesh 0"]);
  });

  it("with several answers has each of them first in its turn", async () => {
    const service = query("reviews.a.svc.cluster.local", "SRV");
    const first = (await answer(service)).packet?.answers ?? [];
    expect(first).toHaveLength(2);
    const second = (await answer(service, undefined, 2)).packet?.answers;
    expect(second).toEqual(first.toReversed());
    expect((await answer(service, undefined, 3)).packet?.answers).toEqual(first);
  });

  it("without a record of the type has no answer, and exists", async () => {
    const run = await answer(query("reviews.a.svc.cluster.local", "AAAA"));
    expect([code(run), records(run)]).toEqual([0, []]);
    expect(run.packet?.authorities).toMatchObject([{ type: "SOA", name: "cluster.local", ttl: 5 }]);
  });

  it("that does not exist is denied with the zone's SOA", async () => {
    const run = await answer(query("nobody.a.svc.cluster.local"));
    expect(code(run)).toBe(3);
    expect(run.packet?.authorities).toMatchObject([{ type: "SOA", name: "cluster.local" }]);
  });

  it("never gives more than one small record to ANY", async () => {
    const run = await answer(query("web.a.svc.cluster.local", "ANY"));
    const name = "web.a.svc.cluster.local";
    expect(records(run)).toEqual([["HINFO", name, { cpu: "RFC8482", os: "" }]]);
    expect((await answer(query("example.com", "ANY"))).forwarded).toEqual([]);
  });
});

describe("a name of the world", () => {
  it("is what the resolver says", async () => {
    const run = await answer(query("example.com"), { type: "response", flags: 3 });
    expect([run.forwarded, code(run), run.counted]).toEqual([
      ["udp example.com"],
      3,
      ["udp", "upstream 3"],
    ]);
  });

  it("fails where no resolver answers", async () => {
    expect(code(await answer(query("example.com")))).toBe(2);
  });

  it("with bytes that are no text is handed on as it came", async () => {
    const odd = query("xx.example.com");
    odd[13] = 0x2e;
    expect((await answer(odd)).forwarded).toEqual(["udp .x.example.com"]);
  });
});

describe("an ExternalName", () => {
  it("has a CNAME and its target's address from the mesh", async () => {
    const run = await answer(query("inner.a"));
    expect(records(run)).toEqual([
      ["CNAME", "inner.a", "api.example.com"],
      ["A", "api.example.com", "240.240.0.9"],
    ]);
  });

  it("has a CNAME and its target's address from the world", async () => {
    const found = { type: "A", name: "db.example.org", ttl: 9, data: "192.0.2.1" } as const;
    const run = await answer(query("db"), { type: "response", answers: [found] });
    expect(run.forwarded).toEqual(["tcp db.example.org"]);
    expect(records(run)).toEqual([
      ["CNAME", "db", "db.example.org"],
      ["A", "db.example.org", "192.0.2.1"],
    ]);
  });

  it("has the CNAME alone for who asks for that", async () => {
    expect(records(await answer(query("db", "CNAME")))).toEqual([
      ["CNAME", "db", "db.example.org"],
    ]);
  });

  it("that leads to itself fails", async () => {
    expect(code(await answer(query("ring")))).toBe(2);
  });
});

describe("EDNS", () => {
  const opt = (ednsVersion: number): Partial<Packet> => ({
    additionals: [
      {
        ...{ type: "OPT", name: ".", udpPayloadSize: 4096, extendedRcode: 0 },
        ...{ ednsVersion, flags: 0, flag_do: false, options: [] },
      },
    ],
  });

  it("is answered with our own size", async () => {
    const run = await answer(query("reviews", "A", opt(0)));
    expect(run.packet?.additionals).toMatchObject([{ type: "OPT", udpPayloadSize: 1232 }]);
  });

  it("of another version is refused as BADVERS", async () => {
    const run = await answer(query("reviews", "A", opt(1)));
    expect(run.packet?.additionals).toMatchObject([{ type: "OPT", extendedRcode: 1 }]);
    expect([code(run), records(run)]).toEqual([0, []]);
  });
});

describe.each([
  { what: "a response", message: spoilt(2, 0x81), code: undefined },
  { what: "half a header", message: Buffer.alloc(11), code: undefined },
  { what: "a zone update", message: spoilt(2, 0x28), code: 4 },
  { what: "a notification", message: spoilt(2, 0x20), code: 4 },
  { what: "a query without question", message: spoilt(4, 0, 0), code: 1 },
  { what: "a query of two questions", message: spoilt(4, 0, 2), code: 1 },
  { what: "a query that brings answers", message: spoilt(6, 0, 1), code: 1 },
  { what: "a query of 65535 additional records", message: spoilt(10, 255, 255), code: 1 },
  { what: "a name that points at itself", message: spoilt(12, 0xc0, 0x0c), code: 1 },
  { what: "a name that points ahead", message: spoilt(12, 0xc0, 0x20), code: 1 },
  { what: "a label of a reserved kind", message: spoilt(12, 0x40), code: 1 },
  { what: "a name without end", message: query("reviews").subarray(0, 16), code: 1 },
  {
    what: "bytes behind the end",
    message: Buffer.concat([query("reviews"), Buffer.alloc(9)]),
    code: 1,
  },
  {
    what: "a question of CHAOS",
    message: query("version.bind", "TXT", {
      questions: [{ name: "version.bind", type: "TXT", class: "CH" }],
    }),
    code: 5,
  },
  { what: "a wish for the whole zone", message: query("cluster.local", "AXFR"), code: 5 },
])("$what", ({ message, code: wanted }) => {
  it(wanted === undefined ? "gets no reply" : `is refused with ${wanted}, briefly`, async () => {
    const { reply, packet, forwarded, counted } = await answer(message);
    expect(forwarded).toEqual([]);
    if (wanted === undefined) {
      expect([reply, counted]).toEqual([undefined, ["dropped"]]);
      return;
    }
    expect((packet?.flags ?? 0) & 15).toBe(wanted);
    expect(counted).toEqual(["udp", `refused ${wanted}`]);
    expect(reply?.length).toBeLessThanOrEqual(message.length);
  });
});

describe("any bytes", () => {
  it("get a reply that can be read, or none, and are never echoed at length", async () => {
    const sane = query("reviews.a.svc.cluster.local");
    const mutated = fc
      .array(fc.record({ at: fc.nat(sane.length - 1), byte: fc.nat(255) }), { maxLength: 6 })
      .map((changes) => {
        const message = Buffer.from(sane);
        for (const { at, byte } of changes) message[at] = byte;
        return message;
      });
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 600 }).map(Buffer.from), mutated);
    await fc.assert(
      fc.asyncProperty(bytes, async (message) => {
        const { reply } = await answer(Buffer.from(message));
        if (reply === undefined) return;
        expect(reply.readUInt16BE(0)).toBe(Buffer.from(message).readUInt16BE(0));
        expect(reply.length).toBeLessThanOrEqual(message.length + 200);
      }),
      { numRuns: 1000 },
    );
  });
});
