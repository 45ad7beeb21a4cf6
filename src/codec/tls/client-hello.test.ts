import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { helloOf } from "../../../test/support/client-hello.ts";
import {
  CLIENT_HELLO_BYTES_MAX,
  ClientHelloReader,
  type ClientHelloReading,
  readClientHello,
} from "./client-hello.ts";

function uint(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

/** Bytes behind their length. */
function vector(lengthBytes: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(part as string, "latin1")));
  return Buffer.concat([uint(bytes.length, lengthBytes), bytes]);
}

function extension(type: number, ...data: readonly Buffer[]): Buffer {
  return Buffer.concat([uint(type, 2), vector(2, ...data)]);
}

const serverName = (name: string): Buffer =>
  extension(0, vector(2, Buffer.from([0]), vector(2, name)));
const alpn = (...names: string[]): Buffer =>
  extension(16, vector(2, ...names.map((name) => vector(1, name))));

/** A ClientHello's body; without extensions it ends behind the compression methods. */
function bodyOf(...extensions: readonly Buffer[]): Buffer {
  const start = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    vector(1, Buffer.alloc(32, 9)),
    vector(2, Buffer.from([0x13, 0x01])),
    vector(1, Buffer.from([0])),
  ]);
  return extensions.length === 0 ? start : Buffer.concat([start, vector(2, ...extensions)]);
}

/** Records of at most this many bytes around a handshake message. */
function recordsOf(body: Buffer, fragmentBytes = 16_384): Buffer {
  const message = Buffer.concat([Buffer.from([1]), vector(3, body)]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += fragmentBytes) {
    const fragment = message.subarray(at, at + fragmentBytes);
    records.push(Buffer.concat([Buffer.from([22, 3, 1]), vector(2, fragment)]));
  }
  return Buffer.concat(records);
}

/** The first answer that is not `more`, to the pieces between the cuts. */
function readCut(bytes: Buffer, cuts: readonly number[]): ClientHelloReading {
  const reader = new ClientHelloReader();
  let start = 0;
  for (const cut of [...cuts, bytes.length]) {
    const reading = reader.read(bytes.subarray(start, cut));
    if (reading !== "more") return reading;
    start = cut;
  }
  return "more";
}

function expectEveryCut(bytes: Buffer, expected: ClientHelloReading): void {
  expect(readClientHello(bytes)).toEqual(expected);
  for (let cut = 0; cut < bytes.length; cut++) {
    expect(readCut(bytes, [cut]), `cut at ${cut}`).toEqual(expected);
  }
  const all = Array.from(bytes, (_, index) => index);
  expect(readCut(bytes, all), "byte by byte").toEqual(expected);
}

describe("the hello of a real client", () => {
  it("names its server and protocols, at every cut", async () => {
    const bytes = await helloOf({ servername: "Reviews.Example", ALPNProtocols: ["h2", "foo"] });
    expectEveryCut(bytes, { serverName: "reviews.example", alpnProtocols: ["h2", "foo"] });
  });

  it("may name neither", async () => {
    expectEveryCut(await helloOf({}), { serverName: "", alpnProtocols: [] });
  });

  it("is complete with its last byte, and not before", async () => {
    const bytes = await helloOf({ servername: "a" });
    expect(readClientHello(bytes.subarray(0, -1))).toBe("more");
    expect(readClientHello(Buffer.concat([bytes, Buffer.from("more")]))).toMatchObject({
      serverName: "a",
    });
  });
});

describe("a hello over several records", () => {
  const body = bodyOf(serverName("a.example"), alpn("h2", "http/1.1"));
  const expected = { serverName: "a.example", alpnProtocols: ["h2", "http/1.1"] };

  it.each([1, 2, 3, 4, 5, 38, 70])("of %i bytes says the same", (fragmentBytes) => {
    expectEveryCut(recordsOf(body, fragmentBytes), expected);
  });

  it("says the same wherever it is cut", () => {
    const bytes = recordsOf(body, 7);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        expect(
          readCut(
            bytes,
            cuts.toSorted((a, b) => a - b),
          ),
        ).toEqual(expected);
      }),
    );
  });
});

describe.each([
  { what: "a request", bytes: Buffer.from("GET / HTTP/1.1\r\n\r\n") },
  { what: "an alert", bytes: Buffer.from([21, 3, 1, 0, 2, 1, 0]) },
  { what: "a record of SSL 2", bytes: Buffer.from([0x80, 0x2e, 1, 3, 1]) },
  { what: "another major version", bytes: Buffer.from([22, 2, 0, 0, 1]) },
  { what: "an empty record", bytes: Buffer.from([22, 3, 1, 0, 0]) },
  { what: "a record over 16 KiB", bytes: Buffer.from([22, 3, 1, 0x40, 1]) },
  { what: "a ServerHello", bytes: Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]) },
  {
    what: "another record between the two of a hello",
    bytes: Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 60, 3, 23, 3, 1, 0, 1, 0]),
  },
  { what: "a hello without random", bytes: recordsOf(Buffer.from([3, 3, 1, 2])) },
  {
    what: "a hello of another major version",
    bytes: recordsOf(Buffer.concat([Buffer.from([2]), bodyOf().subarray(1)])),
  },
  {
    what: "bytes behind the compression methods",
    bytes: recordsOf(Buffer.concat([bodyOf(), Buffer.from([0])])),
  },
  {
    what: "bytes behind the extensions",
    bytes: recordsOf(Buffer.concat([bodyOf(alpn("h2")), Buffer.from([0])])),
  },
  {
    what: "an extension longer than its list",
    bytes: recordsOf(bodyOf(Buffer.from([0, 0, 0, 9, 1]))),
  },
  { what: "two lists of server names", bytes: recordsOf(bodyOf(serverName("a"), serverName("b"))) },
  { what: "two lists of protocols", bytes: recordsOf(bodyOf(alpn("h2"), alpn("h2"))) },
  { what: "an empty list of server names", bytes: recordsOf(bodyOf(extension(0, vector(2)))) },
  { what: "an empty list of protocols", bytes: recordsOf(bodyOf(extension(16, vector(2)))) },
  { what: "an empty protocol", bytes: recordsOf(bodyOf(alpn(""))) },
  { what: "an empty server name", bytes: recordsOf(bodyOf(serverName(""))) },
  { what: "a server name with a zero byte", bytes: recordsOf(bodyOf(serverName("a\0b"))) },
  { what: "a server name of 256 bytes", bytes: recordsOf(bodyOf(serverName("a".repeat(256)))) },
])("$what", ({ bytes }) => {
  it("is not TLS, at every cut", () => expectEveryCut(bytes, "notTls"));
});

describe("a server name", () => {
  it("is the first host name among several", () => {
    const other = Buffer.concat([Buffer.from([7]), vector(2, "x")]);
    const names = ["one", "two"].map((name) => Buffer.concat([Buffer.from([0]), vector(2, name)]));
    const bytes = recordsOf(bodyOf(extension(0, vector(2, other, ...names))));
    expectEveryCut(bytes, { serverName: "one", alpnProtocols: [] });
  });

  it("may have the underscores that service meshes use", () => {
    const name = "outbound_.80_.v1_.reviews.default.svc.cluster.local";
    expect(readClientHello(recordsOf(bodyOf(serverName(name))))).toMatchObject({
      serverName: name,
    });
  });

  it.each(["*.example", "a.", "127.0.0.1", "::1", "__proto__", "a/b c", "\u00e9", "x".repeat(255)])(
    "is %j where the client says so: it leads to nobody who is called otherwise",
    (name) => {
      expectEveryCut(recordsOf(bodyOf(serverName(name))), { serverName: name, alpnProtocols: [] });
    },
  );
});

describe("what a client adds for others to ignore", () => {
  const GREASE = 0x8a8a;
  const ECH = 0xfe0d;

  it("is not looked at: values of GREASE (RFC 8701)", () => {
    const hello = bodyOf(
      extension(GREASE),
      serverName("a.example"),
      alpn("\x8a\x8a", "h2"),
      extension(0x2a2a, Buffer.from([0])),
    );
    expectEveryCut(recordsOf(hello), {
      serverName: "a.example",
      alpnProtocols: ["\x8a\x8a", "h2"],
    });
  });

  it("leaves the outer name of an encrypted hello (RFC 9849) the one to go by", () => {
    const payload = Buffer.concat([Buffer.from([0, 0, 1, 0, 1, 7]), vector(2), vector(2, "x")]);
    const hello = bodyOf(extension(ECH, payload), serverName("public.example"));
    expectEveryCut(recordsOf(hello), { serverName: "public.example", alpnProtocols: [] });
  });
});

describe("a hello's length", () => {
  /** A hello whose message has so many bytes, thanks to an extension that nobody knows. */
  function helloOfBytes(messageBytes: number, fragmentBytes?: number): Buffer {
    const rest = messageBytes - 4 - bodyOf(extension(0x1234)).length;
    return recordsOf(bodyOf(extension(0x1234, Buffer.alloc(rest))), fragmentBytes);
  }

  it("may fill the limit", () => {
    const bytes = helloOfBytes(CLIENT_HELLO_BYTES_MAX - 5);
    expect(bytes.length).toBe(CLIENT_HELLO_BYTES_MAX);
    expect(readClientHello(bytes)).toEqual({ serverName: "", alpnProtocols: [] });
  });

  it("is refused over the limit as soon as it is said", () => {
    const bytes = helloOfBytes(CLIENT_HELLO_BYTES_MAX - 4, 8192);
    expect(readClientHello(bytes)).toBe("tooLong");
    expect(readClientHello(bytes.subarray(0, 9))).toBe("tooLong");
    expect(readClientHello(bytes.subarray(0, 8))).toBe("more");
  });

  it("counts the headers of its records too", () => {
    const bytes = helloOfBytes(4000, 1);
    expect(bytes.length).toBeGreaterThan(CLIENT_HELLO_BYTES_MAX);
    expect(readClientHello(bytes)).toBe("tooLong");
    expect(readClientHello(bytes.subarray(0, CLIENT_HELLO_BYTES_MAX))).toBe("tooLong");
    expect(readClientHello(bytes.subarray(0, CLIENT_HELLO_BYTES_MAX - 1))).toBe("more");
    const all = Array.from({ length: CLIENT_HELLO_BYTES_MAX }, (_, index) => index);
    expect(readCut(bytes, all)).toBe("tooLong");
  });
});

it("throws on no bytes at all", () => {
  const start = recordsOf(bodyOf(serverName("a.example"), alpn("h2")));
  const change = fc.tuple(fc.nat(start.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(start);
      for (const [at, value] of changes) bytes[at] = value;
      expect(["object", "string"]).toContain(typeof readClientHello(bytes));
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      readClientHello(Buffer.from(bytes));
    }),
  );
});
