import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { originServer, running } from "../../../test/support/one-hop.ts";
import type { Peer } from "../../../test/support/peer.ts";
import { meshIdentity, proxyPair, tcpListener } from "../../../test/support/proxy-pair.ts";
import { startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";

interface Joined {
  readonly client: Peer;
  readonly upstream: Peer;
}

async function plainly(): Promise<Joined> {
  const origin = await originServer();
  const setup = await startSetup([tcpListener("origin")], [staticCluster("origin", [origin.port])]);
  running.push(setup);
  return greet(await setup.client(), await origin.accepts());
}

async function carried(): Promise<Joined> {
  const pair = await proxyPair(await meshIdentity());
  const client = await pair.client();
  client.sends("hello");
  const upstream = await pair.origin.accepts();
  await upstream.receives("hello");
  return { client, upstream };
}

async function greet(client: Peer, upstream: Peer): Promise<Joined> {
  client.sends("hello");
  await upstream.receives("hello");
  return { client, upstream };
}

/** What this end is told by its kernel. */
async function faultOf({ socket }: Peer): Promise<string> {
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  return error.code ?? "";
}

describe.each([
  ["between a client and an endpoint", plainly],
  ["carried between two sidecars", carried],
])("a connection %s", (_, join) => {
  it("is reset for the endpoint where the client resets it", async () => {
    const { client, upstream } = await join();
    const seen = faultOf(upstream);
    client.resets();
    expect(await seen).toBe("ECONNRESET");
  });

  it("is reset for the client where the endpoint resets it", async () => {
    const { client, upstream } = await join();
    const seen = faultOf(client);
    upstream.resets();
    expect(await seen).toBe("ECONNRESET");
  });

  it("is reset for the client that has said all it had to say", async () => {
    const { client, upstream } = await join();
    client.ends();
    await upstream.sees("end");
    const seen = faultOf(client);
    upstream.resets();
    expect(await seen).toBe("ECONNRESET");
  });

  it("ends in good order where both ends do", async () => {
    const { client, upstream } = await join();
    let faults = 0;
    client.socket.on("error", () => faults++);
    upstream.sends("bye");
    upstream.ends();
    expect(await client.sees("end")).toBe("bye");
    client.ends();
    await upstream.sees("end");
    expect(faults).toBe(0);
  });
});
