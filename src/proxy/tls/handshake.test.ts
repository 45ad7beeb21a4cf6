import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../../test/support/certificates.ts";
import { helloOf } from "../../../test/support/client-hello.ts";
import {
  downstreamTls,
  pairOf,
  TlsEcho,
  tlsContexts,
  trusting,
} from "../../../test/support/tls-scene.ts";
import { VirtualClock } from "../../base/clock.ts";
import type { DownstreamTls } from "../../model/transport/tls.ts";
import { newTicketSecret } from "./session/ticket-keys.ts";

const CLIENT_URI = "spiffe://cluster.local/ns/default/sa/client";

let authority: TestAuthority;
let server: TestCertificate;
let client: TestCertificate;
const closing: (() => void)[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
  server = await authority.issue({ sans: [{ type: "dns", value: "server.example" }] });
  client = await authority.issue({ name: "client", sans: [{ type: "url", value: CLIENT_URI }] });
});

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function echoOf(more: Partial<DownstreamTls> = {}): Promise<TlsEcho> {
  const config = downstreamTls({ certificates: [pairOf(server)], ...more });
  const echo = await TlsEcho.listen(tlsContexts().server(config));
  closing.push(() => echo.close());
  return echo;
}

function shakeWith(echo: TlsEcho, options: ConnectionOptions = {}): TLSSocket {
  const socket = connect({
    host: "127.0.0.1",
    port: echo.port,
    ca: authority.pem,
    servername: "server.example",
    ...options,
  });
  socket.on("error", () => undefined);
  closing.push(() => socket.destroy());
  return socket;
}

/** The client's connection, once what it has sent came back. */
async function connected(echo: TlsEcho, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = shakeWith(echo, options);
  socket.write("hello");
  const [bytes] = await once(socket, "data");
  expect(String(bytes)).toBe("hello");
  return socket;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** Waits for the server to refuse, which TLS 1.3 shows a client after its own handshake only. */
async function refused(echo: TlsEcho, options: ConnectionOptions = {}): Promise<void> {
  const socket = shakeWith(echo, options);
  socket.write("hello");
  socket.on("data", () => {
    throw new Error("was served");
  });
  socket.resume();
  await closed(socket);
  expect(echo.secured).toEqual([]);
}

describe.each([true, false])("a server that reads into the shared buffer: %s", (shared) => {
  it("serves what comes after the hello that was peeked", async () => {
    const echo = await echoOf();
    echo.shared = shared;
    const socket = await connected(echo);
    const long = "x".repeat(300_000);
    let back = "";
    socket.on("data", (bytes) => {
      back += bytes;
    });
    socket.end(long);
    await once(socket, "end");
    expect(back).toBe(long);
    expect(echo.stats.value("handshake")).toBe(1);
    expect(echo.stats.value("no_certificate")).toBe(1);
    expect(echo.faults).toEqual([]);
  });
});

it("tells what was agreed upon", async () => {
  const echo = await echoOf({ alpnProtocols: ["h2", "http/1.1"] });
  await connected(echo, { ALPNProtocols: ["http/1.1", "h2"] });
  expect(echo.secured[0]?.tls).toMatchObject({
    version: "TLSv1.3",
    serverName: "server.example",
    alpn: "h2",
    sessionReused: false,
    peer: undefined,
  });
});

describe("ALPN", () => {
  it.each([
    { of: ["h2", "http/1.1"], offered: ["http/1.1", "h2"], agreed: "h2" },
    { of: ["http/1.1"], offered: ["h2", "http/1.1"], agreed: "http/1.1" },
    { of: ["h2"], offered: ["foo"], agreed: false },
    { of: [], offered: ["h2"], agreed: false },
    { of: ["h2"], offered: undefined, agreed: false },
  ])("of $of, offered $offered, agrees upon $agreed", async ({ of, offered, agreed }) => {
    const echo = await echoOf({ alpnProtocols: of });
    const socket = await connected(echo, offered ? { ALPNProtocols: offered } : {});
    expect(socket.alpnProtocol).toBe(agreed);
  });

  it("accepts a protocol of our own before the configured ones", async () => {
    const echo = await echoOf({ alpnProtocols: ["h2"] });
    echo.ownProtocol = "own";
    expect((await connected(echo, { ALPNProtocols: ["h2", "own"] })).alpnProtocol).toBe("own");
    expect((await connected(echo, { ALPNProtocols: ["h2"] })).alpnProtocol).toBe("h2");
  });
});

describe("a client's certificate", () => {
  const withCertificate = (): ConnectionOptions => ({ cert: client.chain, key: client.key });

  it("is described", async () => {
    const echo = await echoOf({ validation: trusting(authority) });
    await connected(echo, withCertificate());
    expect(echo.secured[0]?.tls.peer).toMatchObject({
      identity: CLIENT_URI,
      subject: "CN=client",
      sha256: client.sha256,
      spki: client.spki,
    });
    expect(echo.stats.value("no_certificate")).toBe(0);
  });

  it("may be missing where it is not required", async () => {
    const echo = await echoOf({ validation: trusting(authority) });
    await connected(echo);
    expect(echo.stats.value("no_certificate")).toBe(1);
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "is demanded where it is required, %s",
    async (version) => {
      const echo = await echoOf({
        validation: trusting(authority),
        requireClientCertificate: true,
        maxVersion: version,
      });
      await refused(echo);
      expect(echo.stats.value("fail_verify_no_cert")).toBe(1);
      expect(echo.stats.value("connection_error")).toBe(0);
      await connected(echo, withCertificate());
    },
  );

  it("is demanded where names are", async () => {
    const sans = [{ san: "uri", match: { kind: "exact", value: "spiffe://x", ignoreCase: false } }];
    const echo = await echoOf({ validation: trusting(authority, { sans: sans as never }) });
    await refused(echo);
    expect(echo.stats.value("fail_verify_no_cert")).toBe(1);
  });

  it("with another name is refused", async () => {
    const match = { kind: "prefix", value: "spiffe://elsewhere/", ignoreCase: false } as const;
    const validation = trusting(authority, { sans: [{ san: "uri", match }] });
    const echo = await echoOf({ validation });
    await refused(echo, withCertificate());
    expect(echo.stats.value("fail_verify_san")).toBe(1);
    expect(echo.failed).toBe(1);
  });

  it("of another authority is refused", async () => {
    const other = await (await TestAuthority.create("other")).issue();
    const echo = await echoOf({ validation: trusting(authority) });
    await refused(echo, { cert: other.chain, key: other.key });
    expect(echo.stats.value("fail_verify_error")).toBe(1);
  });

  it("that has expired is refused", async () => {
    const expired = await authority.issue({ days: -1 });
    const echo = await echoOf({ validation: trusting(authority) });
    await refused(echo, { cert: expired.chain, key: expired.key });
    expect(echo.stats.value("fail_verify_error")).toBe(1);
  });

  it("that is for servers is refused", async () => {
    const wrong = await authority.issue({ usage: "server" });
    const echo = await echoOf({ validation: trusting(authority) });
    await refused(echo, { cert: wrong.chain, key: wrong.key });
    expect(echo.stats.value("fail_verify_error")).toBe(1);
  });

  it("that is revoked is refused", async () => {
    const crl = { kind: "inline", text: await authority.revoke([client]) } as const;
    const echo = await echoOf({ validation: trusting(authority, { crl }) });
    await refused(echo, withCertificate());
    expect(echo.stats.value("fail_verify_error")).toBe(1);
    const good = await authority.issue();
    await connected(echo, { cert: good.chain, key: good.key });
  });

  it("may come from an intermediate that is trusted on its own", async () => {
    const middle = await authority.intermediate("middle");
    const { chain, key } = await middle.issue();
    const echo = await echoOf({ validation: trusting(middle), requireClientCertificate: true });
    await connected(echo, { cert: chain, key });
    const distant = await echoOf({ validation: trusting(authority) });
    await connected(distant, { cert: chain, key });
  });

  it("is pinned by its hash or by its key's", async () => {
    const certificateHashes = [client.sha256];
    const pinned = await echoOf({ validation: trusting(authority, { certificateHashes }) });
    await connected(pinned, withCertificate());
    const certificateSpki = [server.spki];
    const other = await echoOf({ validation: trusting(authority, { certificateSpki }) });
    await refused(other, withCertificate());
    expect(other.stats.value("fail_verify_cert_hash")).toBe(1);
  });

  it("is counted and let through where the untrusted are accepted", async () => {
    const other = await (await TestAuthority.create("other")).issue();
    const echo = await echoOf({ validation: trusting(authority, { acceptUntrusted: true }) });
    await connected(echo, { cert: other.chain, key: other.key });
    expect(echo.stats.value("fail_verify_error")).toBe(1);
    expect(echo.stats.value("handshake")).toBe(1);
  });
});

describe("a session", () => {
  /** Connects twice; the second time with the session of the first. */
  async function resumes(echo: TlsEcho, options: ConnectionOptions): Promise<boolean> {
    const first = shakeWith(echo, { ...options, rejectUnauthorized: false });
    const session = new Promise<Buffer>((resolve) => first.once("session", resolve));
    first.write("hello");
    await once(first, "data");
    const second = await connected(echo, {
      ...options,
      rejectUnauthorized: false,
      session: await session,
    });
    return second.isSessionReused();
  }

  it.each(["TLSv1.2", "TLSv1.3"] as const)("is resumed by its ticket, %s", async (version) => {
    const echo = await echoOf({ validation: trusting(authority), requireClientCertificate: true });
    const options = { cert: client.chain, key: client.key, maxVersion: version };
    expect(await resumes(echo, options)).toBe(true);
    expect(echo.stats.value("session_reused")).toBe(1);
    expect(echo.secured.at(-1)?.tls.peer?.identity).toBe(CLIENT_URI);
  });

  it("is resumed by another thread of the same proxy, and by no other proxy", async () => {
    const config = downstreamTls({ certificates: [pairOf(server)] });
    const secret = newTicketSecret();
    const echo = await TlsEcho.listen(tlsContexts(secret).server(config));
    closing.push(() => echo.close());
    const first = shakeWith(echo);
    const session = new Promise<Buffer>((resolve) => first.once("session", resolve));
    first.write("hello");
    await once(first, "data");
    const options = { session: await session };
    echo.context = tlsContexts(secret).server(config);
    expect((await connected(echo, options)).isSessionReused()).toBe(true);
    echo.context = tlsContexts().server(config);
    expect((await connected(echo, options)).isSessionReused()).toBe(false);
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "of a client that another chain puts up with is refused here, %s",
    async (maxVersion) => {
      const { chain: cert, key } = await (await TestAuthority.create("stranger")).issue();
      const config = (acceptUntrusted: boolean): DownstreamTls =>
        downstreamTls({
          certificates: [pairOf(server)],
          validation: trusting(authority, { acceptUntrusted }),
        });
      const contexts = tlsContexts();
      const echo = await TlsEcho.listen(contexts.server(config(true)));
      closing.push(() => echo.close());
      const first = shakeWith(echo, { cert, key, maxVersion });
      const session = new Promise<Buffer>((resolve) => first.once("session", resolve));
      first.write("hello");
      await once(first, "data");
      echo.secured.splice(0);
      echo.context = contexts.server(config(false));
      await refused(echo, { cert, key, maxVersion, session: await session });
      expect(echo.stats.value("fail_verify_error")).toBe(2);
    },
  );

  it("is not resumed where tickets are disabled", async () => {
    const echo = await echoOf({ sessionTickets: false });
    expect(await resumes(echo, {})).toBe(false);
  });

  it("does not carry a refused name past another chain", async () => {
    const echo = await echoOf({ validation: trusting(authority) });
    const options = { cert: client.chain, key: client.key, rejectUnauthorized: false };
    const first = shakeWith(echo, options);
    const session = new Promise<Buffer>((resolve) => first.once("session", resolve));
    first.write("hello");
    await once(first, "data");
    const match = { kind: "exact", value: "spiffe://x", ignoreCase: false } as const;
    const strict = downstreamTls({
      certificates: [pairOf(server)],
      validation: trusting(authority, { sans: [{ san: "uri", match }] }),
    });
    const contexts = tlsContexts();
    const lax = { ...strict, validation: trusting(authority) };
    echo.context = contexts.server(lax);
    echo.secured.splice(0);
    expect(contexts.server(strict).secure).toBe(contexts.server(lax).secure);
    echo.context = contexts.server(strict);
    await refused(echo, { ...options, session: await session });
    expect(echo.stats.value("fail_verify_san")).toBe(1);
  });
});

describe("what the two sides can do", () => {
  it("is bounded by the versions", async () => {
    const echo = await echoOf({ maxVersion: "TLSv1.2" });
    expect((await connected(echo)).getProtocol()).toBe("TLSv1.2");
    const newer = await echoOf({ minVersion: "TLSv1.3" });
    await refused(newer, { maxVersion: "TLSv1.2" });
    expect(newer.stats.value("connection_error")).toBe(1);
  });

  it("is bounded by the cipher suites, those of TLS 1.3 aside", async () => {
    const name = "ECDHE-ECDSA-AES256-GCM-SHA384";
    const echo = await echoOf({ cipherSuites: [name] });
    expect((await connected(echo, { maxVersion: "TLSv1.2" })).getCipher().name).toBe(name);
    expect((await connected(echo)).getProtocol()).toBe("TLSv1.3");
  });

  it("is bounded by the curves", async () => {
    const echo = await echoOf({ ecdhCurves: ["P-384"] });
    const socket = await connected(echo, { ecdhCurve: "X25519:P-384" });
    expect(socket.getEphemeralKeyInfo()).toMatchObject({ name: "secp384r1" });
  });

  it("decides which of two certificates is shown", async () => {
    const rsa = await authority.issue({
      key: "rsa",
      sans: [{ type: "dns", value: "server.example" }],
    });
    const echo = await echoOf({ certificates: [pairOf(rsa), pairOf(server)] });
    const options = { maxVersion: "TLSv1.2" } as const;
    const oldest = await connected(echo, { ...options, ciphers: "ECDHE-RSA-AES128-GCM-SHA256" });
    expect(oldest.getPeerX509Certificate()?.publicKey.asymmetricKeyType).toBe("rsa");
    const newest = await connected(echo, { ...options, ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" });
    expect(newest.getPeerX509Certificate()?.publicKey.asymmetricKeyType).toBe("ec");
  });
});

it("counts what is no TLS at all, and closes it", async () => {
  const echo = await echoOf();
  const socket = connectPlain(echo.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\n\r\n");
  socket.resume();
  await closed(socket);
  expect(echo.stats.value("connection_error")).toBe(1);
  expect(echo.faults).toEqual([]);
});

it("ends with a client that does not go on", async () => {
  const clock = new VirtualClock();
  const echo = await echoOf();
  echo.clock = clock;
  const socket = connectPlain(echo.port, "127.0.0.1");
  closing.push(() => socket.destroy());
  socket.on("error", () => undefined);
  socket.write(await helloOf({ servername: "server.example" }));
  await once(socket, "data");
  clock.advance(9_999);
  expect(echo.failed).toBe(0);
  clock.advance(1);
  await closed(socket);
  expect(echo.failed).toBe(1);
  expect(echo.stats.value("connection_error")).toBe(0);
});

it("ends with a client that goes away in the middle, and counts nothing", async () => {
  const echo = await echoOf();
  const socket = connectPlain(echo.port, "127.0.0.1");
  closing.push(() => socket.destroy());
  socket.on("error", () => undefined);
  socket.write(await helloOf({ servername: "server.example" }));
  await once(socket, "data");
  socket.resume();
  socket.end();
  await closed(socket);
  expect(echo.failed).toBe(1);
  expect(echo.stats.value("connection_error")).toBe(0);
  expect(echo.faults).toEqual([]);
});
