// hot path: no allocation per request
import type { Host } from "../cluster/host.ts";
import {
  type Cargo,
  type ConnectionOwner,
  Http2UpstreamConnection,
} from "../upstream/http2/connection.ts";
import type { ResetReason } from "../upstream/stream-handler.ts";
import type { Offer, Transport } from "../upstream/transport.ts";
import { type DialOwner, TransportDial } from "../upstream/transport-dial.ts";

/** So many streams share a carrier before another is opened beside it; long bodies, fewer. */
export const CARRIED_STREAMS_MAX = 256;

/** Whom the carriers tell what becomes of them. */
export interface CarriersOwner {
  /** One of them takes streams, or takes further ones. */
  onCarriersReady(): void;
  /** None of those that were there takes streams; `opening`: another one is on its way. */
  onCarriersGone(opening: boolean): void;
  /** The peer carries nothing: the transport is whoever's takes it over. */
  onPlainPeer(transport: Transport): void;
  onDialFailed(reason: ResetReason, detail: string, noProtocol: boolean): void;
}

export interface CarriersOptions {
  readonly cargo: Cargo;
  readonly offer: Offer;
  /** So many streams go over one connection before another is opened beside it. */
  readonly streamsMax: number;
}

/** The connections to one endpoint that carry others' connections. */
export class Carriers implements ConnectionOwner, DialOwner {
  readonly #host: Host;
  readonly #owner: CarriersOwner;
  readonly #options: CarriersOptions;
  readonly #all: Http2UpstreamConnection[] = [];
  #dial: TransportDial | undefined;

  constructor(host: Host, owner: CarriersOwner, options: CarriersOptions) {
    this.#host = host;
    this.#owner = owner;
    this.#options = options;
  }

  /** The one that carries least among those that can take a stream; undefined where none can. */
  pick(): Http2UpstreamConnection | undefined {
    let best: Http2UpstreamConnection | undefined;
    for (let i = 0; i < this.#all.length; i++) {
      const carrier = this.#all[i] as Http2UpstreamConnection;
      if (!carrier.canOpen || !carrier.settled) continue;
      if (carrier.active < this.#options.streamsMax) return carrier;
      if (best === undefined || carrier.active < best.active) best = carrier;
    }
    return best;
  }

  /** Opens one more where that is of use, and none is being opened. */
  ensureRoom(): void {
    if (this.#dial !== undefined || this.#isOpening()) return;
    const carrier = this.pick();
    if (carrier !== undefined && carrier.active < this.#options.streamsMax) return;
    this.#dial = new TransportDial(this.#host, this, this.#options.offer);
  }

  onDialled(transport: Transport): void {
    this.#dial = undefined;
    if (transport.protocol !== this.#options.offer.ownProtocol) {
      this.#owner.onPlainPeer(transport);
      return;
    }
    const { cargo } = this.#options;
    this.#all.push(new Http2UpstreamConnection(this.#host, this, transport, cargo));
  }

  onDialFailed(reason: ResetReason, detail: string, noProtocol: boolean): void {
    this.#dial = undefined;
    this.#owner.onDialFailed(reason, detail, noProtocol);
  }

  onConnected(): void {
    // They are connected from the start.
  }

  onChanged(carrier: Http2UpstreamConnection): void {
    if (carrier.takesNoMore) this.#tellIfGone();
    else if (carrier.settled) this.#owner.onCarriersReady();
  }

  onClosed(carrier: Http2UpstreamConnection): void {
    const index = this.#all.indexOf(carrier);
    if (index >= 0) this.#all.splice(index, 1);
    this.#tellIfGone();
  }

  /** What is still being opened begins anew, as its certificates may have been replaced. */
  drain(): void {
    const opening = this.#dial !== undefined || this.#isOpening();
    this.#dial?.destroy();
    this.#dial = opening ? new TransportDial(this.#host, this, this.#options.offer) : undefined;
    for (const carrier of Array.from(this.#all)) carrier.drain();
  }

  /** One is open whose peer has not yet said how many streams it takes. */
  #isOpening(): boolean {
    for (let i = 0; i < this.#all.length; i++) {
      const carrier = this.#all[i];
      if (carrier?.takesNoMore === false && !carrier.settled) return true;
    }
    return false;
  }

  #tellIfGone(): void {
    if (this.pick() !== undefined) return;
    let opening = this.#dial !== undefined;
    for (let i = 0; i < this.#all.length; i++) if (!this.#all[i]?.takesNoMore) opening = true;
    this.#owner.onCarriersGone(opening);
  }
}
