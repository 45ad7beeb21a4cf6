import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../../test/support/certificates.ts";
import { running } from "../../../test/support/one-hop.ts";
import { connectPeer, Peer } from "../../../test/support/peer.ts";
import { SdsServer } from "../../../test/support/sds-server.ts";
import {
  adminPage,
  HeldSecrets,
  ownSecret,
  portOf,
  rootSecret,
  secretScene,
  secured,
} from "../../../test/support/secret-scene.ts";
import { VirtualClock } from "../../base/clock.ts";
import { socketAddress } from "../../model/address.ts";
import type { RunningProxy } from "../main.ts";
import { CUT_DRAIN_MS } from "../tls/renewal/secured-connections.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

let authority: TestAuthority;
let first: TestCertificate;
let second: TestCertificate;
let folder: string;
let agent: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "sds-"));
  authority = await TestAuthority.create();
  first = await authority.issue({ name: "first" });
  second = await authority.issue({ name: "second" });
});

afterAll(() => rmSync(folder, { recursive: true }));

let sockets = 0;
beforeEach(() => {
  agent = path.join(folder, `agent-${++sockets}`);
});

type Answer = (response: ServerResponse) => void;

async function originPort(answer: Answer = (response) => response.end("ok")): Promise<number> {
  const server = createServer((_, response) => answer(response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push({ stop: () => void server.close() });
  return (server.address() as AddressInfo).port;
}

function factory(proxy: RunningProxy) {
  return proxy.telemetry.listenerTls(socketAddress("127.0.0.1", 0)).factory;
}

async function subjectShown(proxy: RunningProxy): Promise<string | undefined> {
  const socket = await secured(proxy);
  return socket?.getPeerX509Certificate()?.subject;
}

describe("a listener whose secrets have not come", () => {
  it("closes whoever connects, says nothing in plain text, and counts it", async () => {
    await SdsServer.listen(agent);
    const proxy = await secretScene({ origin: await originPort(), agent });
    expect(await secured(proxy)).toBeUndefined();
    const plain = await connectPeer(portOf(proxy));
    plain.sends(GET);
    await plain.sees("end");
    expect(plain.received).toBe("");
    expect(factory(proxy).value("downstream_context_secrets_not_ready")).toBe(2);
    expect(proxy.ready).toBe(false);
  });

  it("serves as soon as they are there", async () => {
    const server = await SdsServer.listen(agent);
    const proxy = await secretScene({ origin: await originPort(), agent });
    server.put(ownSecret(first));
    server.put(rootSecret("", authority));
    await expect.poll(() => subjectShown(proxy)).toBe("CN=first");
    expect(proxy.ready).toBe(true);
  });
});

describe("secrets of an agent on a Unix socket", () => {
  async function served(): Promise<{ server: SdsServer; proxy: RunningProxy }> {
    const server = await SdsServer.listen(agent);
    server.put(ownSecret(first));
    server.put(rootSecret("", authority));
    const proxy = await secretScene({ origin: await originPort(), agent });
    await expect.poll(() => proxy.ready).toBe(true);
    return { server, proxy };
  }

  it("are asked for one by one, by the proxy's node, and acknowledged", async () => {
    const { server } = await served();
    await expect.poll(() => server.requests.length).toBe(4);
    const asked = server.requests.filter(({ responseNonce }) => responseNonce === "");
    expect(asked.map(({ resourceNames }) => resourceNames)).toEqual([["default"], ["ROOTCA"]]);
    expect(asked.map(({ node }) => node?.id)).toEqual(["proxy", "proxy"]);
    expect(server.requests.filter(({ versionInfo }) => versionInfo !== "")).toHaveLength(2);
  });

  it("are renewed without a restart", async () => {
    const { server, proxy } = await served();
    server.put(ownSecret(second));
    await expect.poll(() => subjectShown(proxy)).toBe("CN=second");
    expect(factory(proxy).value("ssl_context_update_by_sds")).toBeGreaterThan(0);
  });

  it("that cannot be used are refused, and the last good ones stay", async () => {
    const { server, proxy } = await served();
    server.put(ownSecret({ ...second, key: first.key }));
    const refusal = (): string | undefined =>
      server.requests.find(({ errorDetail }) => errorDetail !== undefined)?.errorDetail?.message;
    await expect.poll(refusal).toContain("is not the key of");
    expect(await subjectShown(proxy)).toBe("CN=first");
  });

  it("outlive the agent, which is asked again", async () => {
    const { server, proxy } = await served();
    server.hangUp();
    expect(await subjectShown(proxy)).toBe("CN=first");
    await expect.poll(() => server.streams, { timeout: 10_000 }).toBe(2);
    server.put(ownSecret(second));
    await expect.poll(() => subjectShown(proxy)).toBe("CN=second");
  });
});

describe("a cluster whose secrets have not come", () => {
  it("is not connected to, and says why as Envoy does", async () => {
    const local = new HeldSecrets();
    const origin = await originPort();
    const log = path.join(folder, "access.log");
    const proxy = await secretScene({ origin, local, log, upstream: true, downstream: false });
    const client = await connectPeer(portOf(proxy));
    client.sends(GET);
    expect((await client.receivesResponse()).head).toContain("HTTP/1.1 503 ");
    client.closes();
    const { factory: counted } = proxy.telemetry.clusterTls("origin");
    expect(counted.value("upstream_context_secrets_not_ready")).toBe(1);
    await proxy.stop();
    expect(readFileSync(log, "utf8")).toBe("UF TLS_error:_Secret_is_not_supplied_by_SDS\n");
  });
});

describe("clients who were let in", () => {
  async function letIn() {
    const clock = new VirtualClock();
    const local = new HeldSecrets();
    const other = await TestAuthority.create("other");
    const nobody = `${await authority.revoke([])}${await other.revoke([])}`;
    local.put(ownSecret(first));
    local.put(rootSecret(nobody, authority, other));
    const held: ServerResponse[] = [];
    const origin = await originPort((response) => held.push(response));
    const proxy = await secretScene({ origin, local, clock, mutual: true });
    /** A client with a request under way. */
    const busy = async (shown: TestCertificate) => {
      const socket = await secured(proxy, shown);
      if (socket === undefined) throw new Error("it is not let in");
      const peer = new Peer(socket);
      const before = held.length;
      peer.sends(GET);
      await expect.poll(() => held.length).toBe(before + 1);
      return { peer, answer: () => held[before]?.end("ok") };
    };
    return { clock, local, proxy, busy, other };
  }

  it("and whose authority is believed no more are closed in time, others finish", async () => {
    const { clock, local, busy, other } = await letIn();
    const gone = await busy(second);
    const stays = await busy(await other.issue());
    local.put(rootSecret(await other.revoke([]), other));
    clock.advance(CUT_DRAIN_MS);
    await gone.peer.sees("end");
    stays.answer();
    expect((await stays.peer.receivesResponse()).head).toContain("200 OK");
  });

  it("and whom a list names later are closed in time, others finish", async () => {
    const { clock, local, busy, other } = await letIn();
    const gone = await busy(second);
    const stays = await busy(await authority.issue());
    const lists = `${await other.revoke([])}${await authority.revoke([second])}`;
    local.put(rootSecret(lists, authority, other));
    clock.advance(CUT_DRAIN_MS);
    await gone.peer.sees("end");
    stays.answer();
    expect((await stays.peer.receivesResponse()).head).toContain("200 OK");
  });

  it("and finish on an old certificate are told to come anew", async () => {
    const { local, busy } = await letIn();
    const stays = await busy(await authority.issue());
    local.put(ownSecret(second));
    stays.answer();
    const { head } = await stays.peer.receivesResponse();
    expect(head.toLowerCase()).toContain("connection: close");
  });

  it("and are revoked cannot come back with their old session", async () => {
    const { local, other, proxy } = await letIn();
    expect(await secured(proxy, second)).toBeDefined();
    const lists = `${await authority.revoke([second])}${await other.revoke([])}`;
    local.put(rootSecret(lists, authority, other));
    const socket = await secured(proxy, second);
    if (socket !== undefined) await once(socket, "close");
    expect(proxy.telemetry.listenerTls(socketAddress("127.0.0.1", 0)).value("handshake")).toBe(1);
  });
});

describe("the admin server", () => {
  it("shows certificates and secrets, and never a key", async () => {
    const local = new HeldSecrets();
    local.put(ownSecret(first));
    local.put(rootSecret("", authority));
    const proxy = await secretScene({ origin: await originPort(), local });
    const certs = JSON.parse(await adminPage(proxy, "/certs"));
    expect(certs.certificates).toMatchObject([
      { ca_cert: [{ path: "<inline>" }], cert_chain: [{ days_until_expiration: "0" }] },
    ]);
    const dump = await adminPage(proxy, "/config_dump");
    const { configs } = JSON.parse(dump) as { configs: { "@type": string }[] };
    const secrets = configs.find((each) => each["@type"].endsWith("SecretsConfigDump"));
    expect(secrets).toMatchObject({
      dynamic_active_secrets: [
        { name: "default", secret: { tls_certificate: { private_key: "[redacted]" } } },
        { name: "ROOTCA", secret: { validation_context: {} } },
      ],
    });
    expect(dump).toContain('"sds_config"');
    const [, key = ""] = /-----\n([^-]+)\n-----/.exec(first.key) ?? [];
    for (const line of key.split("\n")) expect(dump + JSON.stringify(certs)).not.toContain(line);
  });

  it("tells when certificates end", async () => {
    const local = new HeldSecrets();
    local.put(ownSecret(first));
    local.put(rootSecret("", authority));
    const proxy = await secretScene({ origin: await originPort(), local });
    const stats = await adminPage(proxy, "/stats?filter=cert|sds");
    expect(stats).toContain("server.days_until_first_cert_expiring: 0\n");
    expect(stats).toMatch(/ssl\.certificate\.default\.expiration_unix_time_seconds: \d{10}\n/);
    expect(stats).toContain("sds.default.update_success: 1\n");
    expect(stats).toContain("server_ssl_socket_factory.ssl_context_update_by_sds: 0\n");
  });
});
