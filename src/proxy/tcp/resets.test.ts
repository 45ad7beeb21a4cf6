import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, it } from "vitest";
import { originServer, running } from "../../../test/support/one-hop.ts";
import { Peer } from "../../../test/support/peer.ts";
import {
  meshIdentity,
  proxyPair,
  tcpListener,
  terminating,
} from "../../../test/support/proxy-pair.ts";
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

/** TLS from the client to one proxy, plain bytes behind it. */
async function overTls(): Promise<Joined> {
  const identity = await meshIdentity();
  const origin = await originServer();
  const listener = tcpListener("origin");
  const [chain] = listener.filter_chains;
  const setup = await startSetup(
    [
      {
        ...listener,
        filter_chains: [{ ...chain, transport_socket: terminating(identity) }],
      },
    ],
    [staticCluster("origin", [origin.port])],
    undefined,
    undefined,
    false,
  );
  running.push(setup);
  const { chain: cert, key } = identity.certificate;
  const raw = connectTcp({ port: setup.port(), host: "127.0.0.1", allowHalfOpen: true });
  const socket = connectTls({ socket: raw, cert, key, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const client = new Peer(socket);
  const joined = await greet(client, await origin.accepts());
  // What it is told of the connection is told of the socket underneath.
  raw.on("error", (error) => socket.destroy(error));
  client.resets = () => raw.resetAndDestroy();
  return joined;
}

/** Plain bytes from the client, TLS towards the endpoint. */
async function towardsTls(): Promise<Joined> {
  const identity = await meshIdentity();
  const pair = await proxyPair(identity, { carrying: false });
  const client = await pair.client();
  return greet(client, await pair.origin.accepts());
}

/** What this end is told by its kernel. */
async function faultOf({ socket }: Peer): Promise<string> {
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  return error.code ?? "";
}

describe.each([
  ["between a client and an endpoint", plainly],
  ["carried between two sidecars", carried],
  ["over TLS from the client", overTls],
  ["over TLS between two proxies", towardsTls],
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
