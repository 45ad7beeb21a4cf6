import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../test/support/certificates.ts";
import { Peer } from "../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";
import { VirtualClock } from "../base/clock.ts";

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
/** When files are looked at again, at the latest. */
const POLL_MS = 10_000;

let folder: string;
let authority: TestAuthority;
let clock: VirtualClock;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "tls-reload-"));
  clock = new VirtualClock();
  authority = await TestAuthority.create();
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  rmSync(folder, { recursive: true });
});

/** Both files renamed into place. */
async function rotateTo(name: string): Promise<void> {
  const { chain, key } = await authority.issue({ name });
  for (const [file, text] of Object.entries({ "tls.crt": chain, "tls.key": key })) {
    writeFileSync(path.join(folder, "new"), text);
    renameSync(path.join(folder, "new"), path.join(folder, file));
  }
  clock.advance(POLL_MS);
}

function transportSocket(context: "DownstreamTlsContext" | "UpstreamTlsContext"): object {
  const pair = {
    certificate_chain: { filename: path.join(folder, "tls.crt") },
    private_key: { filename: path.join(folder, "tls.key") },
  };
  const common_tls_context = { tls_certificates: [pair] };
  return { name: "tls", typed_config: { "@type": `${TLS}.${context}`, common_tls_context } };
}

/** Answers with the name in its client's certificate, and notes that of each connection. */
async function origin(certificate: TestCertificate): Promise<{ port: number; seen: string[] }> {
  const seen: string[] = [];
  const options = { cert: certificate.chain, key: certificate.key, ca: authority.pem };
  const server = createServer({ ...options, requestCert: true }, (request, response) => {
    response.end((request.socket as TLSSocket).getPeerX509Certificate()?.subject);
  });
  server.on("secureConnection", (socket) => {
    seen.push(socket.getPeerX509Certificate()?.subject ?? "");
    closing.push(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, seen };
}

async function setUp(port: number): Promise<ProxySetup> {
  const routes = [{ match: { prefix: "/" }, route: { cluster: "up" } }];
  const listener = httpListener({ routes }) as { filter_chains: object[] };
  const [chain] = listener.filter_chains;
  const filter_chains = [{ ...chain, transport_socket: transportSocket("DownstreamTlsContext") }];
  const transport_socket = transportSocket("UpstreamTlsContext");
  const cluster = staticCluster("up", [port], { transport_socket });
  const setup = await startSetup([{ ...listener, filter_chains }], [cluster], clock);
  closing.push(() => setup.stop());
  return setup;
}

async function client({ proxy }: ProxySetup): Promise<{ peer: Peer; shown: string | undefined }> {
  const bound = proxy.dataPlane.listeners.get("in")?.boundAddress;
  const port = bound?.kind === "socket" ? bound.port : 0;
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  closing.push(() => socket.destroy());
  await once(socket, "secureConnect");
  return { peer: new Peer(socket), shown: socket.getPeerX509Certificate()?.subject };
}

/** The name that the origin has seen on the connection of a request. */
async function nameSeenBy(peer: Peer, expected: string): Promise<void> {
  peer.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect((await peer.receivesResponse()).body).toBe(expected);
}

it("shows new certificates to both sides on new connections; old ones end in order", async () => {
  const { port, seen } = await origin(await authority.issue());
  await rotateTo("first");
  const setup = await setUp(port);
  const old = await client(setup);
  expect(old.shown).toBe("CN=first");
  await nameSeenBy(old.peer, "CN=first");
  await nameSeenBy(old.peer, "CN=first");
  await rotateTo("second");
  expect((await client(setup)).shown).toBe("CN=second");
  old.peer.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const { body, head } = await old.peer.receivesResponse();
  expect(body).toBe("CN=second");
  expect(head.toLowerCase()).toContain("\r\nconnection: close\r\n");
  expect(seen).toEqual(["CN=first", "CN=second"]);
});
