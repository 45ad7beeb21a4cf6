import { beforeAll, describe, expect, it } from "vitest";
import type { Peer } from "../../../test/support/peer.ts";
import {
  type MeshIdentity,
  meshIdentity,
  type ProxyPair,
  proxyPair,
} from "../../../test/support/proxy-pair.ts";
import "../../../test/support/one-hop.ts";

let identity: MeshIdentity;
beforeAll(async () => {
  identity = await meshIdentity();
});

function limitedTo(max_connections: number): Record<string, unknown> {
  return { circuit_breakers: { thresholds: [{ max_connections }] } };
}

async function exchange(pair: ProxyPair, text: string): Promise<[Peer, Peer]> {
  const client = await pair.client();
  client.sends(text);
  const upstream = await pair.origin.accepts();
  await upstream.receives(text);
  return [client, upstream];
}

describe.each([true, false])("TCP between two sidecars, carried: %s", (carrying) => {
  it("goes both ways, and each direction ends on its own", async () => {
    const pair = await proxyPair(identity, { carrying });
    const [client, upstream] = await exchange(pair, "question");
    client.ends();
    await upstream.sees("end");
    upstream.sends("answer after the end");
    await client.receives("answer after the end");
    upstream.ends();
    await client.sees("end");
    const { inbound, outbound } = pair;
    expect(outbound.stat("peer", "upstream_cx_total")).toBe(1);
    expect(outbound.stat("peer", "upstream_cx_tx_bytes_total")).toBe(8);
    expect(outbound.stat("peer", "upstream_cx_rx_bytes_total")).toBe(20);
    expect(inbound.stat("origin", "upstream_cx_tx_bytes_total")).toBe(8);
  });

  it("may begin with the server, and end with it", async () => {
    const pair = await proxyPair(identity, { carrying });
    const client = await pair.client();
    const upstream = await pair.origin.accepts();
    upstream.sends("220 ready");
    upstream.ends();
    await client.receives("220 ready");
    await client.sees("end");
    client.sends("bye");
    client.ends();
    await upstream.receives("bye");
    await upstream.sees("end");
  });

  it("is counted by connection, and so is what it is limited to", async () => {
    const pair = await proxyPair(identity, { carrying, cluster: limitedTo(1) });
    const [client, upstream] = await exchange(pair, "first");
    const second = await pair.client();
    await second.sees("end");
    expect(pair.outbound.stat("peer", "upstream_cx_overflow")).toBe(1);
    expect(pair.outbound.stat("peer", "upstream_cx_active")).toBe(1);
    client.ends();
    await upstream.sees("end");
    upstream.ends();
    await client.sees("end");
    const [third] = await exchange(pair, "third");
    third.closes();
    expect(pair.outbound.stat("peer", "upstream_cx_total")).toBe(2);
  });

  it("tells of a client that has gone", async () => {
    const pair = await proxyPair(identity, { carrying });
    const [client, upstream] = await exchange(pair, "a");
    client.resets();
    await upstream.sees("end");
  });

  it("tells of a server that has gone", async () => {
    const pair = await proxyPair(identity, { carrying });
    const [client, upstream] = await exchange(pair, "a");
    upstream.resets();
    await client.sees("end");
  });

  it("goes on for others while one client does not read", async () => {
    const pair = await proxyPair(identity, { carrying });
    const [stalled, feeding] = await exchange(pair, "stalled");
    stalled.socket.pause();
    const much = "x".repeat(1024 * 1024);
    for (let i = 0; i < 16; i++) feeding.sends(much);
    const [client, upstream] = await exchange(pair, "other");
    upstream.sends("fine");
    await client.receives("fine");
    expect(feeding.socket.writableLength).toBeGreaterThan(0);
    stalled.socket.resume();
    expect((await stalled.receivesBytes(16 * 1024 * 1024)).length).toBe(16 * 1024 * 1024);
  });

  it("tells that the origin cannot be reached by an end", async () => {
    const pair = await proxyPair(identity, { carrying });
    pair.origin.close();
    const client = await pair.client();
    await client.sees("end");
    expect(pair.inbound.stat("origin", "upstream_cx_connect_fail")).toBe(1);
    expect(pair.outbound.stat("peer", "upstream_cx_connect_fail")).toBe(0);
  });
});

describe("carried TCP", () => {
  it("has a thousand connections in one", async () => {
    const pair = await proxyPair(identity);
    for (let round = 0; round < 10; round++) {
      const calls = Array.from({ length: 100 }, async (_, i) => {
        const client = await pair.client();
        client.sends(`${round}.${i}\n`);
        client.ends();
        return client;
      });
      for (let i = 0; i < 100; i++) {
        const upstream = await pair.origin.accepts();
        upstream.sends(await upstream.receives("\n"));
        upstream.ends();
      }
      const clients = await Promise.all(calls);
      for (const [i, client] of clients.entries()) {
        expect(await client.sees("end")).toBe(`${round}.${i}\n`);
      }
    }
    expect(pair.accepted).toBe(1);
    expect(pair.outbound.stat("peer", "upstream_cx_total")).toBe(1000);
    expect(pair.outbound.stat("peer", "upstream_cx_active")).toBe(0);
  });

  it("loses none that comes as its carrier is told to go", async () => {
    const pair = await proxyPair(identity);
    const { listeners } = pair.inbound.proxy.dataPlane.listeners;
    for (let i = 0; i < 60; i++) {
      const [before, end] = await exchange(pair, "before");
      before.ends();
      await end.sees("end");
      end.ends();
      await before.sees("end");
      const client = await pair.client();
      client.sends("meanwhile");
      for (let turn = 0; turn < i % 6; turn++) await new Promise(setImmediate);
      for (const listener of listeners) listener.discourage(5000);
      for (const listener of listeners) listener.discourage(undefined);
      const upstream = await pair.origin.accepts();
      await upstream.receives("meanwhile");
      client.ends();
      upstream.ends();
      await client.sees("end");
    }
  });
});
