import { once } from "node:events";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { Arena } from "../arena/arena.ts";
import type { Attack } from "../arena/attack.ts";
import { Attacker, type Spent } from "../wire/attacker.ts";

/** Of those attacks that take their time. */
const CONNECTIONS = 20;
const HELLO_BYTES = 300;
/** A hello has as long as `listener_filters_timeout` says: here 2 seconds. */
const DRIP_MS = 250;
const DRIPS = 60;

/** A ClientHello's record that says it is so long. */
function record(length: number, payload: Buffer): Buffer {
  const header = Buffer.from([0x16, 3, 1, length >> 8, length & 0xff]);
  return Buffer.concat([header, payload]);
}

function raw(name: string, source: string, bytes: () => Buffer | string): Attack {
  return {
    name,
    source,
    verdict: "closed",
    run: async (arena, spent) => {
      const attacker = await Attacker.open(arena.ports.listeners.secure, spent);
      await attacker.send(bytes());
      const ended = await attacker.sees("closed");
      await attacker.leave();
      return ended && attacker.count(/^\d/) === 0 ? "closed" : attacker.events.join();
    },
  };
}

/** A client of node:tls: the protocol that was agreed upon, or why there is none. */
function shake(
  arena: Arena,
  spent: Spent,
  options: ConnectionOptions,
): Promise<TLSSocket | string> {
  spent.connections++;
  spent.bytes += HELLO_BYTES;
  return new Promise((resolve) => {
    const socket = connect({
      host: "127.0.0.1",
      port: arena.ports.listeners.secure,
      rejectUnauthorized: false,
      ...options,
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("close", () => resolve("closed"));
    socket.on("secureConnect", () => resolve(socket));
  });
}

/** Handshakes that are refused, or that are nothing special. */
function hello(
  name: string,
  source: string,
  verdict: string | RegExp,
  options: ConnectionOptions,
): Attack {
  return {
    name,
    source,
    verdict,
    run: async (arena, spent) => {
      const socket = await shake(arena, spent, options);
      if (typeof socket === "string") return socket;
      const protocol = socket.alpnProtocol || "no ALPN";
      socket.destroy();
      return protocol;
    },
  };
}

const OLD: ConnectionOptions = { ciphers: "ALL:@SECLEVEL=0", minVersion: "TLSv1" };

/** A ClientHello of TLS 1.2 (RFC 5246 section 7.4.1.2) whose first choice is DEFLATE. */
function compressingHello(): Buffer {
  const suites = Buffer.from([0xc0, 0x2b, 0xc0, 0x2c, 0xc0, 0x2f]);
  const groups = Buffer.from([0, 10, 0, 4, 0, 2, 0, 23]);
  const signatures = Buffer.from([0, 13, 0, 6, 0, 4, 4, 3, 8, 4]);
  const extensions = Buffer.concat([groups, signatures]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0, 0, suites.length]),
    suites,
    Buffer.from([2, 1, 0, 0, extensions.length]),
    extensions,
  ]);
  const header = Buffer.from([1, 0, 0, body.length]);
  return record(header.length + body.length, Buffer.concat([header, body]));
}

export const HANDSHAKES: readonly Attack[] = [
  raw("plaintext to a TLS port", "a misdirected client", () => "GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
  raw("garbage", "fuzzing", () => Buffer.alloc(4096, 0xa5)),
  raw("a hello of 64 KiB", "CVE-2026-21637", () => record(0xffff, Buffer.alloc(0xffff, 1))),
  raw("an empty record, a thousand times", "CVE-2009-1378", () =>
    Buffer.concat(Array.from({ length: 1000 }, () => record(0, Buffer.alloc(0)))),
  ),
  raw("an alert before all else", "CVE-2016-8610", () =>
    Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from([0x15, 3, 1, 0, 2, 1, 0]))),
  ),
  hello("TLS 1.0", "RFC 8996", /PROTOCOL_VERSION/, { ...OLD, maxVersion: "TLSv1" }),
  hello("TLS 1.1", "RFC 8996", /PROTOCOL_VERSION/, { ...OLD, maxVersion: "TLSv1.1" }),
  hello("no server name", "RFC 6066", "no ALPN", {}),
  hello("a server name of 255 bytes", "RFC 6066", "h2", {
    servername: `${"a.".repeat(100)}example`,
    ALPNProtocols: ["h2"],
  }),
  hello("__proto__ as server name", "CVE-2026-21637", "http/1.1", {
    servername: "__proto__",
    ALPNProtocols: ["http/1.1"],
  }),
  hello("ALPN that nobody speaks", "RFC 7301 section 3.2", /APPLICATION_PROTOCOL|no ALPN/, {
    ALPNProtocols: ["spdy/1", "h3"],
  }),
  {
    name: "renegotiation",
    source: "CVE-2009-3555, CVE-2011-1473",
    verdict: "refused",
    run: async (arena, spent) => {
      const socket = await shake(arena, spent, { maxVersion: "TLSv1.2" });
      if (typeof socket === "string") return socket;
      const outcome = await new Promise<string>((resolve) => {
        socket.on("close", () => resolve("refused"));
        socket.on("error", () => resolve("refused"));
        socket.renegotiate({ rejectUnauthorized: false }, (error) => {
          resolve(error === null ? "renegotiated" : "refused");
        });
      });
      socket.destroy();
      return outcome;
    },
  },
  {
    name: "a hello that offers compression",
    source: "CVE-2012-4929 (CRIME)",
    verdict: "compression method 0",
    run: async (arena, spent) => {
      const attacker = await Attacker.open(arena.ports.listeners.secure, spent);
      const answer = once(attacker.socket, "data");
      await attacker.send(compressingHello());
      const [bytes] = (await answer) as [Buffer];
      await attacker.leave();
      // Behind record, message header, version, random, session id and cipher suite.
      const session = bytes[43] ?? 0;
      return bytes[5] === 2 ? `compression method ${bytes[44 + session + 2]}` : "no ServerHello";
    },
  },
  {
    name: "h2 by ALPN, HTTP/1.1 in fact",
    source: "protocol confusion",
    verdict: "GOAWAY PROTOCOL_ERROR",
    run: async (arena, spent) => {
      const tls = { ALPNProtocols: ["h2"], rejectUnauthorized: false };
      const attacker = await Attacker.open(arena.ports.listeners.secure, spent, tls);
      attacker.speaksHttp2();
      await attacker.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      const verdict = await attacker.verdict();
      await attacker.leave();
      return verdict;
    },
  },
  {
    name: "http/1.1 by ALPN, h2 in fact",
    source: "protocol confusion",
    verdict: "400",
    run: async (arena, spent) => {
      const tls = { ALPNProtocols: ["http/1.1"], rejectUnauthorized: false };
      const attacker = await Attacker.open(arena.ports.listeners.secure, spent, tls);
      await attacker.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      const verdict = await attacker.verdict();
      await attacker.leave();
      return verdict;
    },
  },
  {
    name: "a hello at four bytes a second",
    source: "slow handshake",
    verdict: "closed",
    run: async (arena, spent) => {
      const attackers = await Promise.all(
        Array.from({ length: CONNECTIONS }, () =>
          Attacker.open(arena.ports.listeners.secure, spent),
        ),
      );
      const drip = setInterval(() => {
        for (const attacker of attackers) void attacker.send("\x16");
      }, DRIP_MS);
      for (const attacker of attackers) await attacker.send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc");
      const ended = await Promise.all(
        attackers.map((one) => one.sees("closed", 1, DRIPS * DRIP_MS)),
      );
      clearInterval(drip);
      for (const attacker of attackers) await attacker.leave();
      return ended.every(Boolean) ? "closed" : "kept";
    },
  },
];
