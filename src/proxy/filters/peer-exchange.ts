// hot path: no allocation per request
import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { RequestAccount } from "../telemetry/account.ts";
import type { PeerHeaders, PeerReader } from "../telemetry/standard/peer-metadata.ts";

/**
 * The telemetry filter: sidecars tell each other who they are (Istio: peer_metadata). What an app
 * says about itself or is told is never believed or passed on.
 */
export class TelemetryExchange {
  readonly direction: "inbound" | "outbound";
  readonly #own: PeerHeaders;
  readonly #peers: PeerReader;

  constructor(direction: "inbound" | "outbound", own: PeerHeaders, peers: PeerReader) {
    this.direction = direction;
    this.#own = own;
    this.#peers = peers;
  }

  /** Learns who calls, and takes the introduction out of the request. */
  onRequest(headers: HeaderTable, account: RequestAccount): void {
    if (this.direction === "inbound" && headers.has(ID["x-envoy-peer-metadata"])) {
      account.peer = this.#peers.read(headers.get(ID["x-envoy-peer-metadata"]) ?? "");
    }
    remove(headers);
  }

  /** The request leaves for a service of the mesh. */
  introduce(headers: HeaderTable): void {
    if (this.direction === "inbound") return;
    headers.set(ID["x-envoy-peer-metadata-id"], this.#own.id);
    headers.set(ID["x-envoy-peer-metadata"], this.#own.metadata);
  }

  onResponse(headers: HeaderTable): void {
    remove(headers);
  }
}

function remove(headers: HeaderTable): void {
  headers.remove(ID["x-envoy-peer-metadata"]);
  headers.remove(ID["x-envoy-peer-metadata-id"]);
}
