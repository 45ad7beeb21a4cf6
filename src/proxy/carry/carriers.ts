// hot path: no allocation per request
import type { Host } from "../cluster/host.ts";
import { type ConnectionOwner, Http2UpstreamConnection } from "../upstream/http2/connection.ts";
import type { Transport } from "../upstream/transport.ts";
import type { CarriedConnection } from "./carried-connection.ts";

/** So many streams go over one connection before another is opened beside it. */
const STREAMS_MAX = 256;

/** Whom the carriers tell that none of them takes streams any more. */
export interface CarriersOwner {
  onCarriersGone(): void;
}

/** The connections to one endpoint that carry others' connections. */
export class Carriers implements ConnectionOwner {
  readonly #host: Host;
  readonly #owner: CarriersOwner;
  readonly #all: Http2UpstreamConnection[] = [];
  /** The connections that they carry. */
  readonly carried: Set<CarriedConnection> = new Set<CarriedConnection>();

  constructor(host: Host, owner: CarriersOwner) {
    this.#host = host;
    this.#owner = owner;
  }

  /** A connection whose peer has agreed to carry. */
  adopt(transport: Transport): void {
    this.#all.push(new Http2UpstreamConnection(this.#host, this, transport, true));
  }

  /** The one that carries least among those that can take a stream; undefined where none can. */
  pick(): Http2UpstreamConnection | undefined {
    let best: Http2UpstreamConnection | undefined;
    for (let i = 0; i < this.#all.length; i++) {
      const carrier = this.#all[i] as Http2UpstreamConnection;
      if (!carrier.canOpen) continue;
      if (carrier.active < STREAMS_MAX) return carrier;
      if (best === undefined || carrier.active < best.active) best = carrier;
    }
    return best;
  }

  /** Whether one more connection would be of use. */
  get full(): boolean {
    const carrier = this.pick();
    return carrier === undefined || carrier.active >= STREAMS_MAX;
  }

  onConnected(): void {
    // They are connected from the start.
  }

  onChanged(carrier: Http2UpstreamConnection): void {
    if (carrier.takesNoMore) this.#tellIfGone();
  }

  onClosed(carrier: Http2UpstreamConnection): void {
    const index = this.#all.indexOf(carrier);
    if (index >= 0) this.#all.splice(index, 1);
    this.#tellIfGone();
  }

  drain(): void {
    for (const carrier of Array.from(this.#all)) carrier.drain();
  }

  #tellIfGone(): void {
    for (let i = 0; i < this.#all.length; i++) if (this.#all[i]?.takesNoMore === false) return;
    this.#owner.onCarriersGone();
    const lost = Array.from(this.carried);
    for (let i = 0; i < lost.length; i++) lost[i]?.lost();
  }
}
