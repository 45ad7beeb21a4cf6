import { VirtualClock } from "../../src/base/clock.ts";
import { Http2Client } from "./http2-client.ts";
import { originServer, running } from "./one-hop.ts";
import type { PeerServer } from "./peer.ts";
import { httpListener, type ProxySetup, startSetup, staticCluster } from "./proxy-setup.ts";

/** A client of HTTP/2, the proxy, and an origin that the test plays. */
export interface Http2Scene {
  readonly clock: VirtualClock;
  readonly origin: PeerServer;
  readonly setup: ProxySetup;
  readonly client: Http2Client;
}

export interface Http2SceneOptions {
  readonly hcm?: Record<string, unknown>;
  readonly routes?: readonly unknown[];
  readonly cluster?: Record<string, unknown>;
  /** The client's own settings. */
  readonly settings?: { readonly initialWindowSize?: number };
}

/** Builds the scene; `hcm`, `routes` and `cluster` are Envoy's fields. It ends with the test. */
export async function http2Scene(options: Http2SceneOptions = {}): Promise<Http2Scene> {
  const routes = options.routes ?? [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const clock = new VirtualClock();
  const origin = await originServer();
  const setup = await startSetup(
    [httpListener({ hcm: options.hcm ?? {}, routes })],
    [staticCluster("origin", [origin.port], options.cluster)],
    clock,
  );
  const client = await Http2Client.connect(setup.port(), options.settings);
  running.push({ stop: () => client.closes() }, setup);
  return { clock, origin, setup, client };
}
