import type { StreamHandler } from "./stream-handler.ts";

/** The connections to one endpoint in one protocol; a cluster's limits decide who gets one. */
export interface RequestPool {
  /** Answers through the handler: at once with a stream or a refusal, or later. */
  acquire(handler: StreamHandler, method: string): void;
  /** The handler waits no longer. */
  cancel(handler: StreamHandler): void;
  /** Idle connections close now, busy ones after their requests. */
  drain(): void;
  /** Gives up a connection that is wanted elsewhere; false where it has none to give. */
  yieldConnection(): boolean;
  /** Connections. */
  readonly size: number;
}
