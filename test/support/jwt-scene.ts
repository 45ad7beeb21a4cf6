import { VirtualClock } from "../../src/base/clock.ts";
import { originServer, running } from "./one-hop.ts";
import type { Peer, PeerServer } from "./peer.ts";
import { httpListener, type ProxySetup, startSetup, staticCluster } from "./proxy-setup.ts";
import { type Claims, type SigningKey, token } from "./tokens.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters.http";

/** A proxy that asks for tokens of `https://a`, before one origin; its keys are a cluster's. */
export interface JwtScene {
  readonly setup: ProxySetup;
  readonly origin: PeerServer;
  readonly keys: PeerServer;
  readonly clock: VirtualClock;
  /** A counter of the filter. */
  count(stat: Parameters<ReturnType<ProxySetup["proxy"]["telemetry"]["jwt"]>["value"]>[0]): number;
}

export interface JwtSceneOptions {
  /** Envoy's fields of the provider. */
  readonly provider?: Record<string, unknown>;
  /** Of `remote_jwks`; undefined in `provider` too: there are none. */
  readonly remote?: Record<string, unknown>;
  readonly hcm?: Record<string, unknown>;
}

export async function jwtScene(options: JwtSceneOptions = {}): Promise<JwtScene> {
  const [origin, keys] = [await originServer(), await originServer()];
  const clock = new VirtualClock();
  const remote = {
    http_uri: { uri: "http://keys.example/jwks", cluster: "keys", timeout: "5s" },
    cache_duration: "60s",
    ...options.remote,
  };
  const provider = { issuer: "https://a", remote_jwks: remote, ...options.provider };
  const authn = {
    "@type": `${FILTERS}.jwt_authn.v3.JwtAuthentication`,
    providers: { a: provider },
    rules: [{ match: { prefix: "/" }, requires: { provider_name: "a" } }],
  };
  const hcm = {
    http_filters: [
      { name: "jwt", typed_config: authn },
      { name: "router", typed_config: { "@type": `${FILTERS}.router.v3.Router` } },
    ],
    ...options.hcm,
  };
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin", timeout: "0s" } }];
  const clusters = [staticCluster("origin", [origin.port]), staticCluster("keys", [keys.port])];
  const setup = await startSetup([httpListener({ hcm, routes })], clusters, clock);
  running.push(setup);
  // What is complete at 0 counts as not complete.
  clock.advance(1);
  const stats = setup.proxy.telemetry.jwt("in");
  return { setup, origin, keys, clock, count: (stat) => stats.value(stat) };
}

/** A good token of `https://a` at the scene's time, an hour long. */
export function sceneToken(key: SigningKey, claims: Claims = {}): string {
  const exp = Math.floor(new VirtualClock().wall() / 1000) + 3600;
  return token({ iss: "https://a", sub: "alice", exp, ...claims }, key);
}

export function get(text: string, path = "/"): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${text}\r\n\r\n`;
}

/** Answers one question for keys. */
export async function answersKeys(peer: Peer, body: string, status = "200 OK"): Promise<string> {
  const head = await peer.receives("\r\n\r\n");
  peer.sends(`HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  return head;
}
