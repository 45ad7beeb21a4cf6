/** What is done to one proxy and then to another, and what comes of it. */
import type { RawPeer, RawProxy } from "./differential-tcp.ts";

export type Script = (proxy: RawProxy) => Promise<unknown>;

export interface Joined {
  readonly client: RawPeer;
  readonly upstream: RawPeer;
  /** The origin that got it. */
  readonly name: string;
  /** `all`, or what else it got. */
  readonly received: string;
}

/** A client and whoever got its connection, which has begun with these bytes. */
export async function joined(
  proxy: RawProxy,
  listener: string,
  first: string,
  from?: string,
): Promise<Joined> {
  const client = await proxy.client(listener, from);
  client.sends(first);
  const { name, peer: upstream } = await proxy.origins.next();
  const received = await upstream.receives(first.length);
  return { client, name, upstream, received: received === first ? "all" : received };
}

/** One end after the other, so that it is plain who has closed the connection. */
export async function farewell(client: RawPeer, upstream: RawPeer): Promise<readonly string[]> {
  client.socket.end();
  const first = await upstream.ends();
  upstream.socket.end();
  return [first, await client.ends()];
}

/** Which origin gets what begins so; the connection is closed again. */
export function leads(listener: string, first: string, from?: string): Script {
  return async (proxy) => {
    const { client, name, received, upstream } = await joined(proxy, listener, first, from);
    return { name, received, ends: await farewell(client, upstream) };
  };
}

/** Nobody gets it; the client's connection is closed. */
export function refused(listener: string, first = "", ends = false): Script {
  return async (proxy) => {
    const client = await proxy.client(listener);
    if (first !== "") client.sends(first);
    if (ends) client.socket.end();
    return { client: await client.goes(), left: proxy.origins.left };
  };
}

/** What an origin is told, in front of `payload`; ports differ by their nature. */
export function named(listener: string, first: string, payload: string): Script {
  return async (proxy) => {
    const client = await proxy.client(listener);
    const ports = [client.socket.localPort ?? 0, proxy.port(listener)];
    client.sends(first + payload);
    const { peer } = await proxy.origins.next();
    peer.sends("x");
    await client.receives(1);
    const [told = ""] = await farewell(client, peer);
    const received = told.replace(/ end$/, "");
    return ports.reduce((text, port) => {
      const bytes = String.fromCharCode(port >> 8, port & 0xff);
      return text.replace(String(port), "PORT").replace(bytes, "PP");
    }, received);
  };
}
