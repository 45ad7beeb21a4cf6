import type { Host } from "../cluster/host.ts";
import type { Http2UpstreamConnection } from "../upstream/http2/connection.ts";
import type { Offer, Transport } from "../upstream/transport.ts";
import { Carriers, type CarriersOwner } from "./carriers.ts";

/** A body that is longer than this would hold up what shares its connection. */
const BULK_BYTES_MIN = 1024 * 1024;
const STREAMS_MAX = 16;

/** Carriers for long bodies. The first of those opens one, and goes without itself. */
export class BulkCarriers implements CarriersOwner {
  readonly #carriers: Carriers;

  constructor(host: Host, offer: Offer) {
    this.#carriers = new Carriers(host, this, { cargo: "http1", offer, streamsMax: STREAMS_MAX });
  }

  /** Undefined where the body is short, or there is no carrier yet. `contentLength`: -1 unknown. */
  pick(contentLength: number): Http2UpstreamConnection | undefined {
    if (contentLength <= BULK_BYTES_MIN) return undefined;
    this.#carriers.ensureRoom();
    return this.#carriers.pick();
  }

  drain(): void {
    this.#carriers.drain();
  }

  onCarriersReady(): void {
    // Nobody waits for them.
  }

  onCarriersGone(): void {
    // The next long body opens another.
  }

  onPlainPeer(transport: Transport): void {
    transport.socket.destroy();
  }

  onDialFailed(): void {
    // The next long body tries again.
  }
}
