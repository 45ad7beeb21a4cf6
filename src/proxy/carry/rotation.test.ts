import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestAuthority } from "../../../test/support/certificates.ts";
import { Gate, type GatePasses } from "../../../test/support/gate.ts";
import { running } from "../../../test/support/one-hop.ts";
import type { Peer } from "../../../test/support/peer.ts";
import { tcpListener } from "../../../test/support/proxy-pair.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
/** There the client has the last word, as the gate takes for granted. */
const TLS_1_3 = "TLSv1_3";
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/** When files are looked at again, at the latest. */
const POLL_MS = 10_000;
/** How long nothing must have been written. */
const QUIET_MS = 100;
const CLIENTS = 8;
const ROTATIONS = 5;

let folder: string;
let clock: VirtualClock;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "rotation-"));
  clock = new VirtualClock();
});

afterEach(() => rmSync(folder, { recursive: true }));

/** A new certificate, and nobody else's authority is trusted any more: for both proxies at once. */
async function rotateTo(name: string): Promise<void> {
  const authority = await TestAuthority.create(`authority of ${name}`);
  const sans = [{ type: "dns", value: "one.example" }] as const;
  const { chain, key } = await authority.issue({ name, sans });
  const files = { "tls.crt": chain, "tls.key": key, "ca.crt": authority.pem };
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(path.join(folder, "new"), text);
    renameSync(path.join(folder, "new"), path.join(folder, file));
  }
  clock.advance(POLL_MS);
}

function transportSocket(side: "Upstream" | "Downstream"): object {
  const file = (name: string): object => ({ filename: path.join(folder, name) });
  const pair = { certificate_chain: file("tls.crt"), private_key: file("tls.key") };
  const tls_params = {
    tls_minimum_protocol_version: TLS_1_3,
    tls_maximum_protocol_version: TLS_1_3,
  };
  const validation_context = { trusted_ca: file("ca.crt") };
  const typed_config = {
    "@type": `${TLS}.${side}TlsContext`,
    common_tls_context: { tls_params, tls_certificates: [pair], validation_context },
    ...(side === "Downstream" ? { require_client_certificate: true } : {}),
  };
  return { name: "tls", typed_config };
}

type Kind = "http" | "tcp";

function listenerTo(kind: Kind, cluster: string, more: object = {}): object {
  const routes = [{ match: { prefix: "/" }, route: { cluster, timeout: "0s" } }];
  const listener =
    kind === "tcp"
      ? tcpListener(cluster)
      : (httpListener({ routes }) as { filter_chains: object[] });
  return { ...listener, filter_chains: [{ ...listener.filter_chains[0], ...more }] };
}

async function originPort(): Promise<number> {
  const server = createServer((_request, response) => response.end("ok")).listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push({
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  });
  return (server.address() as AddressInfo).port;
}

interface FilePair {
  readonly outbound: ProxySetup;
  readonly inbound: ProxySetup;
  /** Between the two. */
  readonly gate: Gate;
}

interface FilePairOptions {
  readonly carrying?: boolean;
  readonly kind?: Kind;
  readonly passes?: GatePasses;
}

/** Two proxies whose certificates are those of the folder. */
async function startPair(options: FilePairOptions): Promise<FilePair> {
  const { carrying = true, kind = "http", passes = "all" } = options;
  const server = listenerTo(kind, "origin", { transport_socket: transportSocket("Downstream") });
  const origin = staticCluster("origin", [await originPort()]);
  const inbound = await startSetup([server], [origin], clock);
  const gate = await Gate.listen(inbound.port(), passes);
  const peer = staticCluster("peer", [gate.port], {
    connect_timeout: "60s",
    transport_socket: transportSocket("Upstream"),
  });
  const outbound = await startSetup([listenerTo(kind, "peer")], [peer], clock, undefined, carrying);
  running.push(outbound, inbound);
  return { outbound, inbound, gate };
}

/** Clients that ask again as soon as they are answered. */
class Load {
  /** Answers that each client got. */
  readonly #counts: number[] = [];
  readonly #over: Promise<void>[] = [];
  #stopping = false;
  #wake: () => void = () => undefined;
  readonly failures: string[] = [];

  begin(client: Peer): void {
    const index = this.#counts.push(0) - 1;
    this.#over.push(this.#ask(client, index).catch((error: unknown) => this.#fail(String(error))));
  }

  /** Waits until each client got so many more. */
  async answers(more: number): Promise<void> {
    const wanted = this.#counts.map((count) => count + more);
    const reached = (): boolean =>
      this.#counts.every((count, index) => count >= (wanted[index] ?? 0));
    while (!reached() && this.failures.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#over);
  }

  async #ask(client: Peer, index: number): Promise<void> {
    while (!this.#stopping) {
      client.sends(GET);
      const { head } = await client.receivesResponse();
      if (!head.startsWith("HTTP/1.1 200 OK\r\n")) this.#fail(head);
      this.#counts[index] = (this.#counts[index] ?? 0) + 1;
      this.#wake();
    }
  }

  #fail(what: string): void {
    this.failures.push(what);
    this.#wake();
  }
}

/** The name in the certificate that the inbound side shows. */
async function shownBy(inbound: ProxySetup): Promise<string | undefined> {
  const socket = connect({ host: "127.0.0.1", port: inbound.port(), rejectUnauthorized: false });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  const { subject } = socket.getPeerX509Certificate() ?? {};
  socket.destroy();
  return subject;
}

it.each([true, false])(
  "loses no request when certificates change, carried: %s",
  async (carrying) => {
    await rotateTo("first");
    const { outbound, inbound } = await startPair({ carrying });
    const http = inbound.proxy.telemetry.http("in");
    const load = new Load();
    for (let i = 0; i < CLIENTS; i++) load.begin(await outbound.client());
    await load.answers(3);
    for (let turn = 1; turn <= ROTATIONS; turn++) {
      const before = http.value("downstream_cx_total");
      await rotateTo(`turn ${turn}`);
      await load.answers(3);
      // None of the old ones is left, and the new ones were verified by the new authority alone.
      const opened = http.value("downstream_cx_total") - before;
      expect(opened).toBeGreaterThan(0);
      await expect.poll(() => http.value("downstream_cx_active")).toBeLessThanOrEqual(opened);
      if (carrying) expect(opened).toBe(1);
      // What has told of the files as well finds them known; else the next turn came in the midst.
      clock.advance(QUIET_MS);
    }
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(outbound.stat("peer", "upstream_cx_connect_fail")).toBe(0);
    expect(await shownBy(inbound)).toBe(`CN=turn ${ROTATIONS}`);
  },
);

describe.each(["http", "tcp"] as const)("what waits for the first carrier of %s", (kind) => {
  it("outlives new certificates before the handshake", async () => {
    await rotateTo("first");
    const { outbound, gate } = await startPair({ kind, passes: "nothing" });
    const client = await outbound.client();
    client.sends(GET);
    await expect.poll(() => gate.connections).toBe(1);
    gate.passes = "all";
    await rotateTo("second");
    expect((await client.receivesResponse()).head).toMatch(/^HTTP\/1.1 200 /);
    expect(gate.connections).toBe(2);
  });

  it("outlives new certificates before the peer has spoken", async () => {
    await rotateTo("first");
    const { outbound, gate } = await startPair({ kind, passes: "handshake" });
    const client = await outbound.client();
    client.sends(GET);
    const tls = outbound.proxy.telemetry.clusterTls("peer");
    await expect.poll(() => tls.value("handshake")).toBe(1);
    gate.passes = "all";
    await rotateTo("second");
    expect((await client.receivesResponse()).head).toMatch(/^HTTP\/1.1 200 /);
    expect(gate.connections).toBe(2);
  });
});
