import type { Clock } from "../../../base/clock.ts";
import type { Rate } from "./token-bucket.ts";
import { TokenBucket } from "./token-bucket.ts";

/** One thing that the authority did, or did not do. */
export type AuditEvent =
  | {
      readonly event: "certificate_issued";
      /** SPIFFE ID. */
      readonly identity: string;
      readonly method: string;
      readonly serial: string;
      /** ISO 8601. */
      readonly notAfter: string;
      /** The caller's address. */
      readonly peer: string;
    }
  | {
      readonly event: "certificate_refused" | "stream_refused";
      readonly reason: string;
      readonly message: string;
      /** As far as it is known. */
      readonly identity?: string;
      readonly node?: string;
      readonly peer: string;
    }
  | {
      readonly event: "certificate_revoked" | "root_announced" | "root_signs" | "root_retired";
      readonly serial: string;
      readonly identity?: string;
    };

/** Where lines go: standard error, a file, a test's list. Without the line end. */
export type AuditSink = (line: string) => void;

/** Strangers cause these lines: more of them than this are only counted. */
const REFUSALS: Rate = { burst: 50, perSecond: 5 };
const TEXT_CHARS_MAX = 512;
const NOT_PRINTABLE = /[^ -~]/g;

/** One line of JSON an event; whatever strangers wrote in it is escaped and cut. */
export class AuditLog {
  readonly #clock: Clock;
  readonly #sink: AuditSink;
  readonly #refusals: TokenBucket;
  #suppressed = 0;

  constructor(clock: Clock, sink: AuditSink) {
    this.#clock = clock;
    this.#sink = sink;
    this.#refusals = new TokenBucket(REFUSALS, clock);
  }

  write(event: AuditEvent): void {
    const refusal = event.event === "certificate_refused" || event.event === "stream_refused";
    if (refusal && !this.#refusals.take()) {
      this.#suppressed++;
      return;
    }
    const suppressed = this.#suppressed > 0 ? { suppressed: this.#suppressed } : {};
    this.#suppressed = 0;
    const time = new Date(this.#clock.wall()).toISOString();
    const line = { time, ...event, ...suppressed };
    this.#sink(JSON.stringify(line, (_key, value) => escaped(value)));
  }
}

function escaped(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const cut = value.length > TEXT_CHARS_MAX ? `${value.slice(0, TEXT_CHARS_MAX)}...` : value;
  return cut.replace(NOT_PRINTABLE, (char) => `\\u${hex(char)}`);
}

function hex(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(4, "0");
}
