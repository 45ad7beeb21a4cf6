import { onTestFinished } from "vitest";
import { type Peer, PeerServer } from "./peer.ts";
import { httpListener, type ProxySetup, startSetup, staticCluster } from "./proxy-setup.ts";

interface Started {
  stop(): Promise<void> | void;
}

/**
 * What a test has started. It stops after the test, in the order in which it was put here. The
 * test itself is asked to see to that: this module is loaded once for many files, and a hook of
 * its own would be the first one's alone.
 */
class Running extends Array<Started> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  override push(...more: Started[]): number {
    this.#begin();
    return super.push(...more);
  }

  override unshift(...more: Started[]): number {
    this.#begin();
    return super.unshift(...more);
  }

  #begin(): void {
    if (this.length === 0) onTestFinished(() => this.#stop());
  }

  async #stop(): Promise<void> {
    for (const one of this.splice(0)) await one.stop();
  }
}

export const running: Started[] = new Running();

/** An origin that the test plays; on a Unix socket where it is given a path. */
export async function originServer(path?: string): Promise<PeerServer> {
  const server = await PeerServer.listen(path);
  running.push({ stop: () => server.close() });
  return server;
}

const TO_ORIGIN = { match: { prefix: "/" }, route: { cluster: "origin" } };

/** A proxy before one origin; `hcm`, `routes` and `cluster` are Envoy's fields. */
export async function oneHop(
  origin: Pick<PeerServer, "port">,
  options: {
    readonly hcm?: Record<string, unknown>;
    readonly routes?: readonly unknown[];
    readonly cluster?: Record<string, unknown>;
  } = {},
): Promise<ProxySetup> {
  const { hcm = {}, routes = [TO_ORIGIN], cluster = {} } = options;
  const clusters = [staticCluster("origin", [origin.port], cluster)];
  const setup = await startSetup([httpListener({ hcm, routes })], clusters);
  running.push(setup);
  return setup;
}

/** Takes one request and answers it with a 200; gives the request's head. */
export async function answered(upstream: Peer, body = "ok", fields = ""): Promise<string> {
  const head = await upstream.receives("\r\n\r\n");
  upstream.sends(`HTTP/1.1 200 OK\r\n${fields}content-length: ${body.length}\r\n\r\n${body}`);
  return head;
}
