import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../../test/support/certificates.ts";
import { helloOf } from "../../../test/support/client-hello.ts";
import { closed, TlsClients } from "../../../test/support/tls-clients.ts";
import {
  downstreamTls,
  pairOf,
  TlsEcho,
  tlsContexts,
  trusting,
} from "../../../test/support/tls-scene.ts";
import { VirtualClock } from "../../base/clock.ts";
import type { DownstreamTls } from "../../model/transport/tls.ts";

const CLIENT_URI = "spiffe://cluster.local/ns/default/sa/client";

let authority: TestAuthority;
let server: TestCertificate;
let client: TestCertificate;
let clients: TlsClients;
const closing: (() => void)[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
  clients = new TlsClients(authority);
  server = await authority.issue({ sans: [{ type: "dns", value: "server.example" }] });
  client = await authority.issue({ name: "client", sans: [{ type: "url", value: CLIENT_URI }] });
});

afterEach(() => {
  clients.close();
  for (const close of closing.splice(0)) close();
});

async function echoOf(more: Partial<DownstreamTls> = {}): Promise<TlsEcho> {
  const config = downstreamTls({ certificates: [pairOf(server)], ...more });
  const echo = await TlsEcho.listen(tlsContexts().server(config));
  closing.push(() => echo.close());
  return echo;
}

describe.each([true, false])("a server that reads into the shared buffer: %s", (shared) => {
  it("serves what comes after the hello that was peeked", async () => {
    const echo = await echoOf();
    echo.shared = shared;
    const socket = await clients.connected(echo);
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
  await clients.connected(echo, { ALPNProtocols: ["http/1.1", "h2"] });
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
    const socket = await clients.connected(echo, offered ? { ALPNProtocols: offered } : {});
    expect(socket.alpnProtocol).toBe(agreed);
  });

  it("accepts a protocol of our own before the configured ones", async () => {
    const echo = await echoOf({ alpnProtocols: ["h2"] });
    echo.ownProtocol = "own";
    expect((await clients.connected(echo, { ALPNProtocols: ["h2", "own"] })).alpnProtocol).toBe(
      "own",
    );
    expect((await clients.connected(echo, { ALPNProtocols: ["h2"] })).alpnProtocol).toBe("h2");
  });
});

describe("a client's certificate", () => {
  const withCertificate = (): ConnectionOptions => ({ cert: client.chain, key: client.key });

  it("is described", async () => {
    const echo = await echoOf({ validation: trusting(authority) });
    await clients.connected(echo, withCertificate());
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
    await clients.connected(echo);
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
      await clients.refused(echo);
      expect(echo.stats.value("fail_verify_no_cert")).toBe(1);
      expect(echo.stats.value("connection_error")).toBe(0);
      await clients.connected(echo, withCertificate());
    },
  );

  it("is demanded where names are", async () => {
    const sans = [{ san: "uri", match: { kind: "exact", value: "spiffe://x", ignoreCase: false } }];
    const echo = await echoOf({ validation: trusting(authority, { sans: sans as never }) });
    await clients.refused(echo);
    expect(echo.stats.value("fail_verify_no_cert")).toBe(1);
  });

  it("that cannot be read is refused as one that cannot be verified", async () => {
    const stranger = await TestAuthority.create("stranger");
    const { chain, key } = await stranger.issue({ garbled: true });
    const echo = await echoOf({ validation: trusting(authority) });
    await clients.refused(echo, { cert: chain, key });
    expect(echo.stats.value("fail_verify_error")).toBe(1);
    expect(echo.failed).toBe(1);
    expect(echo.faults).toEqual([]);
  });

  it("with another name is refused", async () => {
    const match = { kind: "prefix", value: "spiffe://elsewhere/", ignoreCase: false } as const;
    const validation = trusting(authority, { sans: [{ san: "uri", match }] });
    const echo = await echoOf({ validation });
    await clients.refused(echo, withCertificate());
    expect(echo.stats.value("fail_verify_san")).toBe(1);
    expect(echo.failed).toBe(1);
  });

  it("of another authority is refused", async () => {
    const other = await (await TestAuthority.create("other")).issue();
    const echo = await echoOf({ validation: trusting(authority) });
    await clients.refused(echo, { cert: other.chain, key: other.key });
    expect(echo.stats.value("fail_verify_error")).toBe(1);
  });

  it("that has expired is refused", async () => {
    const expired = await authority.issue({ days: -1 });
    const echo = await echoOf({ validation: trusting(authority) });
    await clients.refused(echo, { cert: expired.chain, key: expired.key });
    expect(echo.stats.value("fail_verify_error")).toBe(1);
  });

  it("that is for servers is refused", async () => {
    const wrong = await authority.issue({ usage: "server" });
    const echo = await echoOf({ validation: trusting(authority) });
    await clients.refused(echo, { cert: wrong.chain, key: wrong.key });
    expect(echo.stats.value("fail_verify_error")).toBe(1);
  });

  it("that is revoked is refused", async () => {
    const crl = { kind: "inline", text: await authority.revoke([client]) } as const;
    const echo = await echoOf({ validation: trusting(authority, { crl }) });
    await clients.refused(echo, withCertificate());
    expect(echo.stats.value("fail_verify_error")).toBe(1);
    const good = await authority.issue();
    await clients.connected(echo, { cert: good.chain, key: good.key });
  });

  it("may come from an intermediate that is trusted on its own", async () => {
    const middle = await authority.intermediate("middle");
    const { chain, key } = await middle.issue();
    const echo = await echoOf({ validation: trusting(middle), requireClientCertificate: true });
    await clients.connected(echo, { cert: chain, key });
    const distant = await echoOf({ validation: trusting(authority) });
    await clients.connected(distant, { cert: chain, key });
  });

  it("is pinned by its hash or by its key's", async () => {
    const certificateHashes = [client.sha256];
    const pinned = await echoOf({ validation: trusting(authority, { certificateHashes }) });
    await clients.connected(pinned, withCertificate());
    const certificateSpki = [server.spki];
    const other = await echoOf({ validation: trusting(authority, { certificateSpki }) });
    await clients.refused(other, withCertificate());
    expect(other.stats.value("fail_verify_cert_hash")).toBe(1);
  });

  it("is counted and let through where the untrusted are accepted", async () => {
    const other = await (await TestAuthority.create("other")).issue();
    const echo = await echoOf({ validation: trusting(authority, { acceptUntrusted: true }) });
    await clients.connected(echo, { cert: other.chain, key: other.key });
    expect(echo.stats.value("fail_verify_error")).toBe(1);
    expect(echo.stats.value("handshake")).toBe(1);
  });
});

describe("what the two sides can do", () => {
  it("is bounded by the versions", async () => {
    const echo = await echoOf({ maxVersion: "TLSv1.2" });
    expect((await clients.connected(echo)).getProtocol()).toBe("TLSv1.2");
    const newer = await echoOf({ minVersion: "TLSv1.3" });
    await clients.refused(newer, { maxVersion: "TLSv1.2" });
    expect(newer.stats.value("connection_error")).toBe(1);
  });

  it("is bounded by the cipher suites, those of TLS 1.3 aside", async () => {
    const name = "ECDHE-ECDSA-AES256-GCM-SHA384";
    const echo = await echoOf({ cipherSuites: [name] });
    expect((await clients.connected(echo, { maxVersion: "TLSv1.2" })).getCipher().name).toBe(name);
    expect((await clients.connected(echo)).getProtocol()).toBe("TLSv1.3");
  });

  it("is bounded by the curves", async () => {
    const echo = await echoOf({ ecdhCurves: ["P-384"] });
    const socket = await clients.connected(echo, { ecdhCurve: "X25519:P-384" });
    expect(socket.getEphemeralKeyInfo()).toMatchObject({ name: "secp384r1" });
  });

  it("decides which of two certificates is shown", async () => {
    const rsa = await authority.issue({
      key: "rsa",
      sans: [{ type: "dns", value: "server.example" }],
    });
    const echo = await echoOf({ certificates: [pairOf(rsa), pairOf(server)] });
    const options = { maxVersion: "TLSv1.2" } as const;
    const oldest = await clients.connected(echo, {
      ...options,
      ciphers: "ECDHE-RSA-AES128-GCM-SHA256",
    });
    expect(oldest.getPeerX509Certificate()?.publicKey.asymmetricKeyType).toBe("rsa");
    const newest = await clients.connected(echo, {
      ...options,
      ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256",
    });
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
