import http2 from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { SocketAddress } from "../../model/address.ts";
import { type AdsClientStatus, AdsService, type AdsServiceOptions } from "./ads-service.ts";
import { openDoor, REQUEST_BYTES_MAX, SESSION_LIMITS } from "./grpc-door.ts";
import type { StreamService } from "./guarded-streams.ts";

export interface AdsServerOptions extends AdsServiceOptions {
  /** Port 0 takes a free one. */
  readonly address: SocketAddress;
}

export interface AdsServer {
  readonly address: SocketAddress;
  /** Connected proxies, in the order in which they came. */
  status(): AdsClientStatus[];
  stop(): Promise<void>;
}

/**
 * Serves snapshots over ADS, state of the world: gRPC on HTTP/2 without TLS. Nobody is asked who
 * they are, so this belongs on an address of this machine alone.
 */
export async function startAdsServer(options: AdsServerOptions): Promise<AdsServer> {
  return servePlain(new AdsService(options), options.address);
}

/** The same for services that may be served on other ports too. */
export async function servePlain(
  service: AdsService,
  address: SocketAddress,
  beside: readonly StreamService[] = [],
): Promise<AdsServer> {
  const handler = connectNodeAdapter({
    routes: (router) => {
      for (const each of [service, ...beside]) each.register(router);
    },
    readMaxBytes: REQUEST_BYTES_MAX,
  });
  const door = await openDoor(http2.createServer(SESSION_LIMITS, handler), address);
  return {
    address: door.address,
    status: () => service.status(),
    stop: async () => {
      for (const each of [service, ...beside]) each.end();
      await door.close();
    },
  };
}
