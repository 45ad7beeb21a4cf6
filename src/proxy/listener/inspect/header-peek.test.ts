import { describe, expect, it } from "vitest";
import { answered, originServer, running } from "../../../../test/support/one-hop.ts";
import type { Peer, PeerServer } from "../../../../test/support/peer.ts";
import { tcpListener } from "../../../../test/support/proxy-pair.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../../base/clock.ts";
import { writeHeader } from "../../../codec/proxy-protocol/header-writer.ts";

const FILTER =
  "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol";
const INSPECTOR =
  "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";

const FROM_AFAR = {
  sourceIp: Uint8Array.of(198, 51, 100, 7),
  sourcePort: 4711,
  destinationIp: Uint8Array.of(203, 0, 113, 9),
  destinationPort: 443,
};

function header(version: "v1" | "v2", addresses: typeof FROM_AFAR | undefined = FROM_AFAR): string {
  return writeHeader(version, addresses).toString("latin1");
}

interface Scene {
  readonly clock: VirtualClock;
  readonly setup: ProxySetup;
  readonly origin: PeerServer;
  readonly client: Peer;
}

/** A TCP proxy behind the filter; `filter` and `listener` are Envoy's fields. */
async function headed(filter: object = {}, listener: object = {}): Promise<Scene> {
  const clock = new VirtualClock();
  const origin = await originServer();
  const listener_filters = [{ name: "proxy", typed_config: { "@type": FILTER, ...filter } }];
  const setup = await startSetup(
    [{ ...tcpListener("origin"), listener_filters, ...listener }],
    [staticCluster("origin", [origin.port])],
    clock,
  );
  running.push(setup);
  return { clock, setup, origin, client: await setup.client() };
}

function stats({ setup }: Scene, prefix = "") {
  return setup.proxy.telemetry.proxyProtocol(prefix);
}

describe.each(["v1", "v2"] as const)("a PROXY protocol header of %s", (version) => {
  it("is taken off, and what follows is the connection's", async () => {
    const scene = await headed();
    scene.client.sends(`${header(version)}DATA`);
    expect(await (await scene.origin.accepts()).receives("DATA")).toBe("DATA");
    expect(stats(scene).value(version, "found")).toBe(1);
  });

  it("may come byte by byte, and the server may speak first then", async () => {
    const scene = await headed();
    for (const byte of header(version)) {
      scene.client.sends(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const upstream = await scene.origin.accepts();
    upstream.sends("welcome");
    await scene.client.receives("welcome");
  });

  it("may name nobody", async () => {
    const scene = await headed();
    scene.client.sends(`${header(version, undefined)}DATA`);
    await (await scene.origin.accepts()).receives("DATA");
  });

  it("says where requests come from", async () => {
    const origin = await originServer();
    const listener = httpListener({
      hcm: { use_remote_address: true },
      routes: [{ match: { prefix: "/" }, route: { cluster: "origin" } }],
    }) as object;
    const listener_filters = [{ name: "proxy", typed_config: { "@type": FILTER } }];
    const setup = await startSetup(
      [{ ...listener, listener_filters }],
      [staticCluster("origin", [origin.port])],
    );
    running.push(setup);
    const client = await setup.client();
    client.sends(`${header(version)}GET / HTTP/1.1\r\nHost: a\r\n\r\n`);
    const head = await answered(await origin.accepts());
    expect(head).toContain("x-forwarded-for: 198.51.100.7\r\n");
    expect(head).toContain("x-envoy-external-address: 198.51.100.7\r\n");
    expect((await client.receivesResponse()).body).toBe("ok");
  });

  it("that may not be used closes the connection", async () => {
    const disallowed_versions = [version.toUpperCase()];
    const scene = await headed({ disallowed_versions, stat_prefix: "strict" });
    scene.client.sends(`${header(version)}DATA`);
    await scene.client.sees("end");
    expect(stats(scene, "strict").value(version, "disallowed")).toBe(1);
    expect(scene.setup.stat("origin", "upstream_cx_total")).toBe(0);
  });

  it("that may not be used is payload where none is needed", async () => {
    const disallowed_versions = [version.toUpperCase()];
    const scene = await headed({
      disallowed_versions,
      allow_requests_without_proxy_protocol: true,
    });
    scene.client.sends(`${header(version)}DATA`);
    const received = await (await scene.origin.accepts()).receives("DATA");
    expect(received).toBe(`${header(version)}DATA`);
    expect(stats(scene).absences(true)).toBe(1);
  });
});

describe("a connection without a header", () => {
  it("is closed, and nothing of it is forwarded", async () => {
    const scene = await headed();
    scene.client.sends("GET / HTTP/1.1\r\n\r\n");
    await scene.client.sees("end");
    expect(stats(scene).absences(false)).toBe(1);
    expect(scene.setup.stat("origin", "upstream_cx_total")).toBe(0);
  });

  it.each(["hello", "P", "PROXY", "\r\n\r\n", "PROXIMITY"])(
    "is served as it is where none is needed: %j",
    async (text) => {
      const scene = await headed({ allow_requests_without_proxy_protocol: true });
      for (const byte of `${text}!`) {
        scene.client.sends(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await (await scene.origin.accepts()).receives("!")).toBe(`${text}!`);
      expect(stats(scene).absences(true)).toBe(1);
    },
  );
});

describe("a header that is none", () => {
  it.each([
    { what: "a line that never ends", bytes: `PROXY UNKNOWN ${"x".repeat(200)}`, version: "v1" },
    { what: "a line that says nothing", bytes: "PROXY foo\r\n", version: "v1" },
    { what: "a multicast source", bytes: "PROXY TCP4 224.0.0.1 1.2.3.4 1 2\r\n", version: "v1" },
    { what: "an unknown family", bytes: `${header("v2").slice(0, 13)}A`, version: "v2" },
    {
      what: "a TLV longer than the header",
      bytes: `${header("v2").slice(0, 14)}\0\x0f${header("v2").slice(16)}\x02\0\x01`,
      version: "v2",
    },
  ] as const)("closes the connection: $what", async ({ bytes, version }) => {
    const scene = await headed({ allow_requests_without_proxy_protocol: true });
    scene.client.sends(bytes);
    await scene.client.sees("end");
    expect(stats(scene).value(version, "error")).toBe(1);
    expect(scene.setup.stat("origin", "upstream_cx_total")).toBe(0);
  });

  it("may drag on for as long as listener filters wait, and no longer", async () => {
    const scene = await headed({}, { listener_filters_timeout: "5s" });
    const { client, clock, setup } = scene;
    client.sends("PROXY TCP4 ");
    await expect.poll(() => pending(setup)).toBe(1);
    clock.advance(5000);
    await client.sees("end");
    expect(pending(setup)).toBe(0);
    expect(timeouts(setup)).toBe(1);
  });

  it("is payload after that time, where the listener goes on", async () => {
    const more = {
      listener_filters_timeout: "5s",
      continue_on_listener_filters_timeout: true,
    };
    const { client, clock, origin, setup } = await headed({}, more);
    await expect.poll(() => pending(setup)).toBe(1);
    clock.advance(5000);
    client.sends("hello");
    await (await origin.accepts()).receives("hello");
    expect(timeouts(setup)).toBe(1);
  });

  it("ends with a client that goes", async () => {
    const { client, setup } = await headed();
    client.sends("PROXY TCP4 ");
    client.ends();
    await client.sees("end");
    const [listener] = setup.proxy.dataPlane.listeners.listeners;
    const counted = setup.proxy.telemetry.listener(listener?.config.address ?? nowhere());
    expect(counted.value("downstream_listener_filter_remote_close")).toBe(1);
  });
});

function nowhere(): never {
  throw new Error("no listener");
}

function statsOf(setup: ProxySetup) {
  const [listener] = setup.proxy.dataPlane.listeners.listeners;
  return setup.proxy.telemetry.listener(listener?.config.address ?? nowhere());
}

function pending(setup: ProxySetup): number {
  return statsOf(setup).value("downstream_pre_cx_active");
}

function timeouts(setup: ProxySetup): number {
  return statsOf(setup).value("downstream_pre_cx_timeout");
}

it("chooses the filter chain, by the addresses that the header names", async () => {
  const [near, far] = [await originServer(), await originServer()];
  const chainTo = (cluster: string, filter_chain_match: object) => {
    const [chain] = tcpListener(cluster).filter_chains;
    return { ...chain, filter_chain_match };
  };
  const range = [{ address_prefix: "198.51.100.0", prefix_len: 24 }];
  const setup = await startSetup(
    [
      {
        ...tcpListener("near"),
        listener_filters: [
          { name: "proxy", typed_config: { "@type": FILTER } },
          { name: "tls", typed_config: { "@type": INSPECTOR } },
        ],
        filter_chains: [
          chainTo("near", {}),
          chainTo("far", { destination_port: 443, source_prefix_ranges: range }),
        ],
      },
    ],
    [staticCluster("near", [near.port]), staticCluster("far", [far.port])],
  );
  running.push(setup);
  const client = await setup.client();
  client.sends(`${header("v1")}a`);
  await (await far.accepts()).receives("a");
  const other = await setup.client();
  other.sends(`${header("v1", { ...FROM_AFAR, destinationPort: 80 })}b`);
  await (await near.accepts()).receives("b");
});
