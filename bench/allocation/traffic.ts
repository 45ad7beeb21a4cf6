/** What goes through the proxy, a turn of the event loop at a time. */
import type { FarEnd, Line } from "./fake-net.ts";

export interface Traffic {
  /** The proxy opens a connection. */
  connectOrigin(): Line;
  connectClients(count: number, accept: (farEnd: FarEnd) => Line): void;
  /** Each client asks as much as it may at once. */
  ask(): void;
  /** Origins answer what they have been asked. */
  answer(): void;
  /** So many requests have been answered since the start. */
  readonly answered: number;
}
