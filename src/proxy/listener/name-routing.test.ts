import { describe, expect, it } from "vitest";
import { helloOf } from "../../../test/support/client-hello.ts";
import { originServer, running } from "../../../test/support/one-hop.ts";
import type { PeerServer } from "../../../test/support/peer.ts";
import { tcpListener } from "../../../test/support/proxy-pair.ts";
import { type ProxySetup, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";
import { socketAddress } from "../../model/address.ts";

const INSPECTOR =
  "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";

interface Scene {
  readonly setup: ProxySetup;
  readonly origins: Readonly<Record<"exact" | "wild" | "plain", PeerServer>>;
}

/** TLS that passes through, to the origin of its name; and plain bytes beside it. */
async function byName(): Promise<Scene> {
  const origins = {
    exact: await originServer(),
    wild: await originServer(),
    plain: await originServer(),
  };
  const chainTo = (cluster: string, filter_chain_match: object) => {
    const [chain] = tcpListener(cluster).filter_chains;
    return { ...chain, filter_chain_match };
  };
  const setup = await startSetup(
    [
      {
        ...tcpListener("exact"),
        listener_filters: [{ name: "tls", typed_config: { "@type": INSPECTOR } }],
        filter_chains: [
          chainTo("exact", { server_names: ["a.example"] }),
          chainTo("wild", { server_names: ["*.example", "__proto__"] }),
          chainTo("plain", { transport_protocol: "raw_buffer" }),
        ],
      },
    ],
    Object.entries(origins).map(([name, { port }]) => staticCluster(name, [port])),
  );
  running.push(setup);
  return { setup, origins };
}

async function helloTo(servername?: string): Promise<string> {
  const bytes = await helloOf(servername === undefined ? {} : { servername });
  return bytes.toString("latin1");
}

describe("TLS that passes through", () => {
  it.each([
    ["a.example", "exact"],
    ["A.EXAMPLE", "exact"],
    ["b.example", "wild"],
    ["x.a.example", "wild"],
    ["__proto__", "wild"],
  ] as const)("to %s leads to %s, and every byte of it arrives", async (name, expected) => {
    const { origins, setup } = await byName();
    const hello = await helloTo(name);
    const client = await setup.client();
    client.sends(`${hello}and more`);
    const upstream = await origins[expected].accepts();
    expect((await upstream.receives("and more")) === `${hello}and more`).toBe(true);
    upstream.sends("answer");
    await client.receives("answer");
    const { inspectors } = setup.proxy.telemetry;
    expect([inspectors.tls("tls_found"), inspectors.tls("sni_found")]).toEqual([1, 1]);
  });

  it.each([["elsewhere"], ["example"], [undefined]])(
    "to %s leads nowhere, as no chain has that name",
    async (name) => {
      const { setup } = await byName();
      const client = await setup.client();
      client.sends(await helloTo(name));
      await client.sees("end");
      const stats = setup.proxy.telemetry.listener(socketAddress("127.0.0.1", 0));
      expect(stats.value("no_filter_chain_match")).toBe(1);
      expect(stats.value("downstream_cx_total")).toBe(0);
      const found = setup.proxy.telemetry.inspectors.tls("sni_not_found");
      expect(found).toBe(name === undefined ? 1 : 0);
    },
  );

  it("may say its name byte by byte", async () => {
    const { origins, setup } = await byName();
    const hello = await helloTo("a.example");
    const client = await setup.client();
    for (const byte of hello) {
      client.sends(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const upstream = await origins.exact.accepts();
    expect((await upstream.receivesBytes(hello.length)) === hello).toBe(true);
  });

  it("is closed for a hello of more than 16 KiB, without a byte forwarded", async () => {
    const { setup } = await byName();
    const client = await setup.client();
    client.sends("\x16\x03\x01\x3f\xff\x01\x00\x40\x00");
    await client.sees("end");
    const { telemetry } = setup.proxy;
    expect(telemetry.inspectors.tls("client_hello_too_large")).toBe(1);
    const totals = ["exact", "wild", "plain"].map((name) => setup.stat(name, "upstream_cx_total"));
    expect(totals).toEqual([0, 0, 0]);
  });

  it("with a NUL in its name is not taken for TLS", async () => {
    const { origins, setup } = await byName();
    const client = await setup.client();
    client.sends((await helloTo("a.example")).replace("a.example", "a\0example"));
    await (await origins.plain.accepts()).receives("a\0example");
    expect(setup.proxy.telemetry.inspectors.tls("tls_not_found")).toBe(1);
  });
});
