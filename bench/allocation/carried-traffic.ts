/** Clients of HTTP/1.1 before a sidecar that carries what they ask to another one. */
import type { FarEnd, Line } from "./fake-net.ts";
import { Http1Traffic } from "./http1-traffic.ts";
import { Http2Origin } from "./http2-traffic.ts";
import type { Traffic } from "./traffic.ts";

export class CarriedTraffic implements Traffic {
  readonly #clients = new Http1Traffic();
  readonly #peers: Http2Origin[] = [];

  connectOrigin(): Line {
    const peer = new Http2Origin();
    this.#peers.push(peer);
    return peer.connect();
  }

  connectClients(count: number, accept: (farEnd: FarEnd) => Line): void {
    this.#clients.connectClients(count, accept);
  }

  ask(): void {
    this.#clients.ask();
  }

  answer(): void {
    for (const peer of this.#peers) peer.answer();
  }

  get answered(): number {
    return this.#clients.answered;
  }
}
