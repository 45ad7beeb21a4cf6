import type { FormatSource } from "../../format/source.ts";

/** Writes one line a request or a connection. Never blocks and never throws. */
export interface AccessLogger {
  /** It is over, and `source` says all there is to say. */
  log(source: FormatSource): void;
}
