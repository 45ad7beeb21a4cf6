import { Http1UpstreamConnection } from "./connection.ts";
import type { ConnectionOpener } from "./pool.ts";

/** Opens a connection for each that is asked for. */
export const socketOpener: ConnectionOpener = {
  open: (pool) => new Http1UpstreamConnection(pool),
  drain: () => undefined,
};
