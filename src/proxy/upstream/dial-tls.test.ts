import { once } from "node:events";
import { createServer as createPlain } from "node:net";
import { createServer, type Server, type TLSSocket, type TlsOptions } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../../test/support/certificates.ts";
import {
  materialOf,
  pairOf,
  tlsContexts,
  trusting,
  upstreamTls,
} from "../../../test/support/tls-scene.ts";
import { Registry } from "../../metrics/registry.ts";
import { socketAddress } from "../../model/address.ts";
import type { SanMatcher, UpstreamTls } from "../../model/transport/tls.ts";
import { SslStats, sslTables } from "../telemetry/envoy/tls/ssl-stats.ts";
import type { ClientContext } from "../tls/client-context.ts";
import type { TlsInfo } from "../tls/tls-info.ts";
import { dialTls, type TlsDialOptions } from "./dial.ts";

let authority: TestAuthority;
let server: TestCertificate;
let stats: SslStats;
const closing: (() => void)[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
  server = await authority.issue({
    sans: [
      { type: "dns", value: "*.example" },
      { type: "dns", value: "*.mesh.local" },
      { type: "url", value: "spiffe://cluster.local/ns/default/sa/server" },
      { type: "ip", value: "127.0.0.1" },
    ],
  });
});

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server of node:tls that sends back what it gets; its port. */
async function listen(options: TlsOptions = {}, more?: (server: Server) => void): Promise<number> {
  const echo = createServer({ cert: server.chain, key: server.key, ...options }, (socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
    closing.push(() => socket.destroy());
  });
  more?.(echo);
  echo.on("tlsClientError", () => undefined);
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  closing.push(() => echo.close());
  return portOf(echo);
}

function portOf(listening: Server): number {
  const address = listening.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function contextOf(more: Partial<UpstreamTls> = {}): ClientContext {
  stats = new SslStats(
    "there",
    sslTables(new Registry(), "cluster", (name) => name),
  );
  return tlsContexts().client(upstreamTls(more));
}

interface Outcome {
  readonly socket: TLSSocket;
  /** Undefined where the handshake failed. */
  readonly tls: TlsInfo | undefined;
  readonly reason: string;
}

/** Dials, and waits for the handshake's end. */
function shake(
  port: number,
  context: ClientContext,
  more: Partial<TlsDialOptions> = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    let reason = "";
    const socket = dialTls(socketAddress("127.0.0.1", port), {
      bindAddress: undefined,
      tcpKeepalive: undefined,
      allowHalfOpen: false,
      alternatives: [],
      context,
      ownProtocol: "",
      usualProtocols: [],
      stats,
      onSecure: (tls) => resolve({ socket, tls, reason }),
      ...more,
    });
    closing.push(() => socket.destroy());
    socket.on("error", ({ message }) => {
      reason = message;
    });
    socket.on("close", () => resolve({ socket, tls: undefined, reason }));
  });
}

function exactly(san: SanMatcher["san"], value: string): SanMatcher {
  return { san, match: { kind: "exact", value, ignoreCase: false } };
}

describe("dialling with TLS", () => {
  it("reads into the shared buffer", async () => {
    const pieces: string[] = [];
    let wake = (): void => undefined;
    const onBytes = (bytes: Buffer): void => {
      pieces.push(bytes.toString());
      wake();
    };
    const { socket } = await shake(await listen(), contextOf(), { onBytes });
    const long = "y".repeat(200_000);
    socket.write(long);
    while (pieces.join("").length < long.length) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    expect(pieces.join("")).toBe(long);
  });

  it("tells and counts what was agreed upon", async () => {
    const { tls } = await shake(await listen(), contextOf());
    expect(tls).toMatchObject({ version: "TLSv1.3", curve: "X25519", alpn: "" });
    expect(stats.value("handshake")).toBe(1);
    expect(stats.value("session_reused")).toBe(0);
  });

  it("asks for the configured name", async () => {
    const names: unknown[] = [];
    const port = await listen({}, (echo) =>
      echo.on("secureConnection", (socket) => names.push(socket.servername)),
    );
    for (const sni of ["a.example", "", "127.0.0.1"]) {
      const { socket } = await shake(port, contextOf({ sni }));
      socket.write("x");
      await once(socket, "data");
    }
    expect(names).toEqual(["a.example", false, false]);
  });

  it("shows its certificate", async () => {
    const client = await authority.issue({ name: "client" });
    const port = await listen({ requestCert: true, rejectUnauthorized: true, ca: authority.pem });
    const { socket } = await shake(port, contextOf({ certificates: [pairOf(client)] }));
    socket.write("x");
    expect(String((await once(socket, "data"))[0])).toBe("x");
  });
});

describe("ALPN", () => {
  it.each([
    { own: "", listed: [], usual: [], agreed: "" },
    { own: "", listed: [], usual: ["http/1.1"], agreed: "http/1.1" },
    { own: "", listed: ["h2"], usual: ["http/1.1"], agreed: "h2" },
    { own: "own", listed: ["h2"], usual: [], agreed: "own" },
    { own: "else", listed: ["h2"], usual: [], agreed: "h2" },
  ])("of own $own, listed $listed, usual $usual agrees upon $agreed", async (each) => {
    const port = await listen({ ALPNProtocols: ["own", "h2", "http/1.1"] });
    const { tls } = await shake(port, contextOf({ alpnProtocols: each.listed }), {
      ownProtocol: each.own,
      usualProtocols: each.usual,
    });
    expect(tls?.alpn).toBe(each.agreed);
  });
});

describe("a server's certificate", () => {
  it("is not looked at without an authority", async () => {
    const { tls } = await shake(await listen(), contextOf());
    expect(tls?.peer?.sha256).toBe(server.sha256);
  });

  it("of another authority is refused, in Envoy's words", async () => {
    const other = await TestAuthority.create("other");
    const { reason, tls } = await shake(await listen(), contextOf({ validation: trusting(other) }));
    expect(tls).toBeUndefined();
    const words = "verify cert failed: X509_verify_cert: certificate verification error: unable to";
    const start = "TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:";
    expect(reason.startsWith(`${start}${words}`)).toBe(true);
    expect(reason).toMatch(/certificate:TLS_error_end$/);
    expect(stats.value("fail_verify_error")).toBe(1);
    expect(stats.value("connection_error")).toBe(0);
    expect(stats.value("handshake")).toBe(0);
  });

  it("that has expired is refused", async () => {
    const { chain, key } = await authority.issue({ days: -1 });
    const port = await listen({ cert: chain, key });
    const { reason } = await shake(port, contextOf({ validation: trusting(authority) }));
    expect(reason).toContain("certificate has expired");
  });

  it("that is for clients is refused", async () => {
    const { chain, key } = await authority.issue({ usage: "client" });
    const port = await listen({ cert: chain, key });
    const { tls } = await shake(port, contextOf({ validation: trusting(authority) }));
    expect(tls).toBeUndefined();
  });

  it.each([
    { wanted: exactly("dns", "a.example"), good: false, why: "a wildcard for a whole domain" },
    { wanted: exactly("dns", "a.mesh.local"), good: true, why: "a wildcard for one label" },
    { wanted: exactly("dns", "A.Mesh.local"), good: true, why: "DNS has no case" },
    { wanted: exactly("dns", "a.b.mesh.local"), good: false, why: "not for two" },
    { wanted: exactly("dns", "mesh.local"), good: false, why: "nor for none" },
    { wanted: exactly("uri", "spiffe://cluster.local/ns/default/sa/server"), good: true, why: "" },
    { wanted: exactly("uri", "SPIFFE://cluster.local/ns/default/sa/server"), good: false, why: "" },
    { wanted: exactly("ip", "127.0.0.1"), good: true, why: "" },
    { wanted: exactly("dns", "127.0.0.1"), good: false, why: "an address is no DNS name" },
  ])("with $wanted.san $wanted.match.value is good: $good $why", async ({ good, wanted }) => {
    const context = contextOf({ validation: trusting(authority, { sans: [wanted] }) });
    const { reason, tls } = await shake(await listen(), context);
    expect(tls !== undefined).toBe(good);
    expect(stats.value("fail_verify_san")).toBe(good ? 0 : 1);
    if (!good) expect(reason).toContain("verify cert failed: SAN matcher, certificate SANs are [");
  });

  it("may carry any of several names", async () => {
    const sans = [exactly("uri", "spiffe://x"), exactly("ip", "127.0.0.1")];
    const context = contextOf({ validation: trusting(authority, { sans }) });
    expect((await shake(await listen(), context)).tls).toBeDefined();
  });
});

describe("sessions", () => {
  async function twice(context: ClientContext, port: number): Promise<boolean | undefined> {
    const { socket } = await shake(port, context);
    socket.write("x");
    await once(socket, "data");
    const { tls } = await shake(port, context);
    expect(tls?.peer?.sha256).toBe(server.sha256);
    return tls?.sessionReused;
  }

  it.each(["TLSv1.2", "TLSv1.3"] as const)("are resumed, %s", async (maxVersion) => {
    const context = contextOf({ validation: trusting(authority), maxVersion });
    expect(await twice(context, await listen())).toBe(true);
    expect(stats.value("session_reused")).toBe(1);
  });

  it("are not kept where none may be", async () => {
    expect(await twice(contextOf({ maxSessionKeys: 0 }), await listen())).toBe(false);
  });

  it("end with the certificates that they were made with", async () => {
    const context = contextOf({ validation: trusting(authority) });
    const port = await listen();
    const { socket } = await shake(port, context);
    socket.write("x");
    await once(socket, "data");
    const other = await TestAuthority.create("other");
    context.renew(materialOf(upstreamTls({ validation: trusting(other) })));
    expect((await shake(port, context)).tls).toBeUndefined();
  });
});

describe("a handshake that fails", () => {
  it("with a server that speaks no TLS says so as Envoy does", async () => {
    const plain = createPlain((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    plain.listen(0, "127.0.0.1");
    await once(plain, "listening");
    closing.push(() => plain.close());
    const { reason } = await shake(portOf(plain as Server), contextOf());
    expect(reason).toBe(
      "TLS_error:|268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end",
    );
    expect(stats.value("connection_error")).toBe(1);
  });

  it("by the server's alert says which", async () => {
    const port = await listen({ ALPNProtocols: ["h2"] });
    const { reason } = await shake(port, contextOf({ alpnProtocols: ["foo"] }));
    expect(reason).toMatch(
      /^TLS_error:\|268436576:SSL routines:OPENSSL_internal:\w+:TLS_error_end$/,
    );
    expect(stats.value("connection_error")).toBe(1);
  });

  it("as nobody listens counts nothing of TLS", async () => {
    const port = await listen();
    for (const close of closing.splice(0)) close();
    const { reason } = await shake(port, contextOf());
    // Said in Envoy's words by whoever has asked for the connection.
    expect(reason).toContain("ECONNREFUSED");
    expect(stats.value("connection_error")).toBe(0);
  });
});
