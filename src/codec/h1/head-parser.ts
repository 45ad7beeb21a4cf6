// hot path: no allocation per request
import {
  byteAt,
  COLON,
  CR,
  FIELD_VALUE,
  LF,
  SPACE,
  TAB,
  TOKEN_LOWER,
} from "../http/grammar/character.ts";
import { headerIdOf } from "../http/header-name.ts";
import { HeaderTable } from "../http/header-table.ts";
import type { Violation } from "./violation.ts";

const HEAD_END: Buffer = Buffer.from("\r\n\r\n");
const NO_BYTES: Buffer = Buffer.alloc(0);

/** Bytes of a head as Envoy bounds them: 60 KiB and 100 fields. */
export interface HeadLimits {
  readonly bytesMax: number;
  readonly fieldsMax: number;
}

export const DEFAULT_HEAD_LIMITS: HeadLimits = { bytesMax: 60 * 1024, fieldsMax: 100 };

/**
 * ```
 *              a line is whole                  the empty line
 *   "reading" ----------------> "reading" ... -----------------> "complete"
 *       |  a line breaks a rule, or the head a limit
 *       +--------------------------------------> "failed", see `violation`
 * ```
 */
export type HeadState = "reading" | "complete" | "failed";

/**
 * Reads a message's head out of bytes that come in pieces of any size (RFC 9112 section 2 to 5).
 * A rule is checked when its line is whole, a limit as soon as it is passed, and the earlier one
 * counts: so every cut of the same bytes gives the same result.
 */
export abstract class HeadParser {
  readonly headers: HeaderTable = new HeaderTable();
  state: HeadState = "reading";
  violation: Violation = "none";
  readonly #limits: HeadLimits;
  /** A head that came in pieces is put together here. */
  #pending: Buffer = NO_BYTES;
  #pendingLength = 0;
  /** Where the next line starts, relative to the head's first byte. */
  #line = 0;
  #startLineSeen = false;
  #blankSeen = false;

  constructor(limits: HeadLimits = DEFAULT_HEAD_LIMITS) {
    this.#limits = limits;
  }

  reset(): void {
    this.headers.reset();
    this.state = "reading";
    this.violation = "none";
    if (this.#pendingLength > 0) this.#pending = NO_BYTES;
    this.#pendingLength = 0;
    this.#line = 0;
    this.#startLineSeen = false;
    this.#blankSeen = false;
  }

  /** True when no byte of a head has been seen since `reset`. */
  get untouched(): boolean {
    return this.state === "reading" && this.#pendingLength === 0;
  }

  /** The head's first bytes, after `read(bytes, start, …)` has failed or while it goes on. */
  beginning(bytes: Buffer, start: number): Buffer {
    if (this.#pendingLength > 0) return this.#pending.subarray(0, this.#pendingLength);
    return bytes.subarray(start);
  }

  /** Reads from `start`; returns where it stopped: at `end`, or behind the head. */
  read(bytes: Buffer, start: number, end: number): number {
    if (this.#pendingLength > 0) return this.#readPending(bytes, start, end);
    const found = bytes.indexOf(HEAD_END, start);
    if (found < 0 || found + 4 > end) return this.#readPending(bytes, start, end);
    const stop = this.#readLines(bytes, start, found + 4);
    // An empty line before the start line was the end that was found: look for the next one.
    return this.state === "reading" ? this.#readPending(bytes, start, end) : stop;
  }

  /** Parses the start line at `at`; returns where the next line starts, or -1. */
  protected abstract startLine(bytes: Buffer, at: number, base: number): number;

  /** Judges the head as a whole, all lines being well formed. */
  protected abstract finish(text: string): void;

  protected fail(violation: Violation): -1 {
    this.violation = violation;
    this.state = "failed";
    return -1;
  }

  /** Whether CR LF stands at `at`. */
  protected lineEndsAt(bytes: Buffer, at: number): boolean {
    return byteAt(bytes, at) === CR && byteAt(bytes, at + 1) === LF;
  }

  #readPending(bytes: Buffer, start: number, end: number): number {
    const before = this.#pendingLength;
    const room = this.#limits.bytesMax + 1 - before;
    const taken = Math.min(end - start, Math.max(room, 0));
    this.#append(bytes, start, start + taken);
    const pending = this.#pending;
    const lineEnd = pending.indexOf(LF, before);
    if (lineEnd >= 0 && lineEnd < this.#pendingLength) {
      const complete = pending.lastIndexOf(LF, this.#pendingLength - 1) + 1;
      const stop = this.#readLines(pending, 0, complete);
      if (this.state !== "reading") return this.state === "failed" ? end : start + stop - before;
    }
    if (this.#pendingLength > this.#limits.bytesMax) this.#failTooLarge();
    return end;
  }

  /** Reads whole lines: there is a LF before `complete`. `base` is the head's first byte. */
  #readLines(bytes: Buffer, base: number, complete: number): number {
    let at = base + this.#line;
    while (at < complete) {
      const next = this.#readLine(bytes, at, base);
      if (next - base > this.#limits.bytesMax) return this.#failTooLarge();
      if (next < 0) {
        // The limit comes first where the broken line itself crosses it.
        const lineEnd = bytes.indexOf(LF, at) + 1;
        return lineEnd - base > this.#limits.bytesMax ? this.#failTooLarge() : next;
      }
      at = next;
      if (this.state !== "reading") {
        const text = bytes.toString("latin1", base, at);
        this.headers.attach(text);
        this.finish(text);
        return at;
      }
      this.#line = at - base;
    }
    return at;
  }

  #readLine(bytes: Buffer, at: number, base: number): number {
    if (!this.#startLineSeen) {
      // One empty line before the start line is forgiven (RFC 9112 section 2.2).
      if (!this.#blankSeen && this.lineEndsAt(bytes, at)) {
        this.#blankSeen = true;
        return at + 2;
      }
      this.#startLineSeen = true;
      return this.startLine(bytes, at, base);
    }
    if (this.lineEndsAt(bytes, at)) {
      this.state = "complete";
      return at + 2;
    }
    return this.#headerLine(bytes, at, base);
  }

  #headerLine(bytes: Buffer, at: number, base: number): number {
    let i = at;
    while (byteAt(TOKEN_LOWER, byteAt(bytes, i)) !== 0) i++;
    const nameEnd = i;
    if (byteAt(bytes, i) !== COLON || nameEnd === at) return this.#failName(bytes, at);
    i++;
    while (byteAt(bytes, i) === SPACE || byteAt(bytes, i) === TAB) i++;
    const valueStart = i;
    while (byteAt(FIELD_VALUE, byteAt(bytes, i)) === 1) i++;
    if (!this.lineEndsAt(bytes, i)) {
      const odd = byteAt(bytes, i);
      return this.fail(odd === CR || odd === LF ? "badLineEnd" : "badHeaderValue");
    }
    let valueEnd = i;
    while (valueEnd > valueStart && isBlank(byteAt(bytes, valueEnd - 1))) valueEnd--;
    if (this.headers.count >= this.#limits.fieldsMax) return this.fail("tooManyHeaders");
    const id = headerIdOf(bytes, at, nameEnd);
    this.headers.push(id, at - base, nameEnd - base, valueStart - base, valueEnd - base);
    return i + 2;
  }

  #failName(bytes: Buffer, at: number): -1 {
    const first = byteAt(bytes, at);
    return this.fail(isBlank(first) ? "obsoleteFold" : "badHeaderName");
  }

  #failTooLarge(): -1 {
    const atStartLine = this.#line === (this.#blankSeen ? 2 : 0);
    return this.fail(atStartLine ? "targetTooLong" : "headTooLarge");
  }

  #append(bytes: Buffer, start: number, end: number): void {
    const length = this.#pendingLength + end - start;
    if (length > this.#pending.length) {
      const bigger = Buffer.allocUnsafe(Math.max(1024, length * 2));
      this.#pending.copy(bigger, 0, 0, this.#pendingLength);
      this.#pending = bigger;
    }
    bytes.copy(this.#pending, this.#pendingLength, start, end);
    this.#pendingLength = length;
  }
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}
