import { once } from "node:events";
import net from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../test/support/certificates.ts";
import { originServer, running } from "../../test/support/one-hop.ts";
import type { PeerServer } from "../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";
import { formatAddress } from "../model/address.ts";

const ENVOY = "type.googleapis.com/envoy.extensions";
const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;
const ID = "spiffe://mesh/ns/a/sa/b";

let authority: TestAuthority;
let stranger: TestAuthority;
let server: TestCertificate;
let client: TestCertificate;
let origin: PeerServer;
let setup: ProxySetup;
const sockets: net.Socket[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
  stranger = await TestAuthority.create("stranger");
  server = await authority.issue({ sans: [{ type: "dns", value: "one.example" }] });
  client = await authority.issue({ sans: [{ type: "url", value: ID }] });
});

interface Trust {
  readonly ca?: string;
  readonly crl?: string;
  readonly id?: string;
}

/** A filter chain for a server name, whose clients must be believed. */
function chain(name: string, { ca = authority.pem, crl, id }: Trust): object {
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const plain = httpListener({ routes }) as { filter_chains: object[] };
  const names = [{ san_type: "URI", matcher: { exact: id } }];
  const common_tls_context = {
    tls_certificates: [
      {
        certificate_chain: { inline_string: server.chain },
        private_key: { inline_string: server.key },
      },
    ],
    validation_context: {
      trusted_ca: { inline_string: ca },
      ...(crl === undefined ? {} : { crl: { inline_string: crl } }),
      ...(id === undefined ? {} : { match_typed_subject_alt_names: names }),
    },
  };
  const typed_config = {
    "@type": `${ENVOY}.transport_sockets.tls.v3.DownstreamTlsContext`,
    require_client_certificate: true,
    common_tls_context,
  };
  return {
    ...plain.filter_chains[0],
    name,
    filter_chain_match: { server_names: [`${name}.example`], transport_protocol: "tls" },
    transport_socket: { name: "tls", typed_config },
  };
}

/** `mesh` believes the client; the others, each for a reason of its own, do not. */
beforeEach(async () => {
  origin = await originServer();
  const inspector = `${ENVOY}.filters.listener.tls_inspector.v3.TlsInspector`;
  const listener = {
    ...(httpListener({ routes: [] }) as object),
    listener_filters: [{ name: "tls", typed_config: { "@type": inspector } }],
    filter_chains: [
      chain("mesh", {}),
      chain("distrusting", { ca: stranger.pem }),
      chain("revoking", { crl: await authority.revoke([client]) }),
      chain("selective", { id: "spiffe://mesh/ns/a/sa/other" }),
    ],
  };
  setup = await startSetup([listener], [staticCluster("origin", [origin.port])]);
  running.push(setup);
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

function connected(name: string, options: ConnectionOptions = {}): TLSSocket {
  const socket = connect({
    port: setup.port(),
    servername: `${name}.example`,
    rejectUnauthorized: false,
    cert: client.chain,
    key: client.key,
    ...options,
  });
  socket.on("error", () => undefined);
  sockets.push(socket);
  return socket;
}

function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** A session of a connection that was served. */
async function sessionOf(maxVersion: (typeof VERSIONS)[number]): Promise<Buffer> {
  const socket = connected("mesh", { maxVersion });
  const session = new Promise<Buffer>((resolve) => socket.once("session", resolve));
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const upstream = await origin.accepts();
  await upstream.receives("\r\n\r\n");
  upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  socket.resume();
  return await session;
}

function counted(stat: "no_filter_chain_match"): number {
  const { address } = setup.proxy.dataPlane.listeners.get("in")?.config ?? {};
  if (address === undefined) throw new Error("no listener");
  expect(formatAddress(address)).toMatch(/^127/);
  return setup.proxy.telemetry.listener(address).value(stat);
}

describe.each(VERSIONS)("a session of %s", (maxVersion) => {
  it("is resumed on its own chain", async () => {
    const session = await sessionOf(maxVersion);
    const again = connected("mesh", { maxVersion, session });
    await once(again, "secureConnect");
    expect(again.isSessionReused()).toBe(true);
  });

  it.each([
    ["distrusting", "an authority that is trusted no more"],
    ["revoking", "a certificate that has been revoked"],
    ["selective", "somebody else's name"],
  ])("does not open %s with %s", async (name) => {
    const session = await sessionOf(maxVersion);
    const connections = origin.connections;
    const socket = connected(name, { maxVersion, session });
    const answers: unknown[] = [];
    socket.on("data", (bytes) => answers.push(bytes));
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await closed(socket);
    expect(answers).toEqual([]);
    expect(origin.connections).toBe(connections);
  });
});

describe("a port that serves mutual TLS alone", () => {
  it.each(["TLSv1", "TLSv1.1"] as const)("does not speak %s", async (version) => {
    const ciphers = "DEFAULT@SECLEVEL=0";
    const socket = connected("mesh", { minVersion: version, maxVersion: version, ciphers });
    await closed(socket);
    expect(socket.getProtocol()).not.toBe(version);
    expect(origin.connections).toBe(0);
  });

  it("does not renegotiate", async () => {
    const socket = connected("mesh", { maxVersion: "TLSv1.2" });
    await once(socket, "secureConnect");
    const outcome = new Promise<Error | null>((resolve) => {
      socket.renegotiate({ rejectUnauthorized: false }, (error) => resolve(error));
    });
    const ended = closed(socket).then(() => new Error("closed"));
    expect(await Promise.race([outcome, ended])).toBeInstanceOf(Error);
  });

  it.each([
    ["a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["HTTP/2's first words", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["bytes that are nothing", "\x00\x01\x02\x03\x04\x05\x06\x07"],
  ])("closes and counts %s in plain text", async (_what, text) => {
    const socket = net.connect(setup.port(), "127.0.0.1");
    sockets.push(socket);
    let answer = "";
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      answer += String(bytes);
    });
    socket.write(text);
    await closed(socket);
    expect(answer).toBe("");
    expect(counted("no_filter_chain_match")).toBe(1);
    expect(origin.connections).toBe(0);
  });

  it("closes a name that it has no certificate for", async () => {
    await closed(connected("elsewhere"));
    expect(counted("no_filter_chain_match")).toBe(1);
  });
});
