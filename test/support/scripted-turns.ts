import type { VirtualClock } from "../../src/base/clock.ts";
import { type Peer, PeerServer } from "./peer.ts";
import type { ProxySetup } from "./proxy-setup.ts";

/** Several origins of which one is asked at a time, and takes as long as the test says. */
export class ScriptedTurns {
  readonly #servers: readonly PeerServer[];
  /** The next connection of each; the last one may have come to another. */
  readonly #next: (Promise<readonly [number, Peer]> | undefined)[] = [];

  private constructor(servers: readonly PeerServer[]) {
    this.#servers = servers;
  }

  static async start(count: number): Promise<ScriptedTurns> {
    const servers = await Promise.all(Array.from({ length: count }, () => PeerServer.listen()));
    return new ScriptedTurns(servers);
  }

  get ports(): number[] {
    return this.#servers.map(({ port }) => port);
  }

  /** One request through the proxy, on a connection of its own. Which origin had it. */
  async take(
    setup: ProxySetup,
    { thinkMs, clock }: { readonly thinkMs: number; readonly clock: VirtualClock },
  ): Promise<number> {
    const client = await setup.client();
    client.sends("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const [index, upstream] = await Promise.race(this.#servers.map((_, i) => this.#accept(i)));
    this.#next[index] = undefined;
    await upstream.receives("\r\n\r\n");
    clock.advance(thinkMs);
    upstream.sends("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
    await client.receives("ok");
    client.closes();
    upstream.closes();
    return index;
  }

  #accept(index: number): Promise<readonly [number, Peer]> {
    const server = this.#servers[index];
    if (server === undefined) throw new Error(`no server ${index}`);
    this.#next[index] ??= server.accepts().then((peer) => [index, peer] as const);
    return this.#next[index];
  }

  stop(): void {
    for (const server of this.#servers) server.close();
  }
}
