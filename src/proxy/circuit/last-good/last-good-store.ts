import type { RequestHead } from "../../route/request-head.ts";
import { ageOf, type KeptAnswer, type VaryValue } from "./kept-answer.ts";

/** All answers of one thread, whoever keeps them; and those that are being recorded. */
const ALL_BYTES_MAX = 16 * 1024 * 1024;
const RECORDED_BYTES_MAX = 16 * 1024 * 1024;
/** Of one circuit. */
const ENTRIES_MAX = 1000;

/** What the stores of one thread hold together, and who gives way. */
export class KeptBytes {
  #bytes = 0;
  #recorded = 0;
  readonly #max: number;
  readonly #stores = new Set<LastGoodStore>();

  constructor(max: number = ALL_BYTES_MAX) {
    this.#max = max;
  }

  get bytes(): number {
    return this.#bytes;
  }

  join(store: LastGoodStore): void {
    this.#stores.add(store);
  }

  leave(store: LastGoodStore): void {
    this.#stores.delete(store);
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Whether there is room for so many more bytes, when the store that asks has given way. */
  hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= this.#max;
  }

  /** So many bytes are on their way to be kept; false: that would be too many at once. */
  record(bytes: number): boolean {
    if (this.#recorded + bytes > RECORDED_BYTES_MAX) return false;
    this.#recorded += bytes;
    return true;
  }

  /** They have been kept, or never will be. */
  recorded(bytes: number): void {
    this.#recorded -= bytes;
  }

  /** Memory is short: nothing is worth a proxy that fails. */
  clear(): void {
    for (const store of this.#stores) store.clear();
  }
}

/**
 * The last good answers of one circuit by their questions: those that were last kept or served stay
 * longest. Bounded in entries and bytes, its own and those of the thread.
 */
export class LastGoodStore {
  readonly all: KeptBytes;
  readonly #kept = new Map<string, KeptAnswer>();
  #maxAgeMs: number;
  #maxBytes: number;
  #bytes = 0;
  #closed = false;

  constructor(maxAgeMs: number, maxBytes: number, all: KeptBytes) {
    this.#maxAgeMs = maxAgeMs;
    this.#maxBytes = maxBytes;
    this.all = all;
    all.join(this);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get entries(): number {
    return this.#kept.size;
  }

  /** A longer body is not worth recording. */
  get bodyMax(): number {
    return this.#maxBytes;
  }

  /** The same circuit with other bounds. */
  resize(maxAgeMs: number, maxBytes: number): void {
    this.#maxAgeMs = maxAgeMs;
    this.#maxBytes = maxBytes;
    while (this.#bytes > maxBytes && this.#dropOldest());
  }

  /** Takes the place of the last one; it may be too large for that. */
  keep(question: string, answer: KeptAnswer): void {
    this.#drop(question);
    const { bytes } = answer;
    if (this.#closed || bytes > this.#maxBytes) return;
    while (!this.#hasRoom(bytes)) if (!this.#dropOldest()) return;
    this.#kept.set(question, answer);
    this.#count(bytes);
  }

  /** The answer to this question, as this request asks it; undefined: there is none, or too old. */
  find(question: string, request: RequestHead, nowMs: number): KeptAnswer | undefined {
    const kept = this.#kept.get(question);
    if (kept === undefined) return undefined;
    const over = kept.freshOnly && ageOf(kept, nowMs) >= kept.freshS;
    if (over || nowMs - kept.keptAtMs > this.#maxAgeMs) {
      this.#drop(question);
      return undefined;
    }
    if (!kept.vary.every((field) => sameField(field, request))) return undefined;
    this.#kept.delete(question);
    this.#kept.set(question, kept);
    return kept;
  }

  /** What was good is so no more: the same question had another answer. */
  forget(question: string): void {
    this.#drop(question);
  }

  clear(): void {
    this.#count(-this.#bytes);
    this.#kept.clear();
  }

  /** Its circuit is no more: of answers that are still on their way nothing is kept. */
  close(): void {
    this.#closed = true;
    this.clear();
    this.all.leave(this);
  }

  #hasRoom(bytes: number): boolean {
    const own = this.#bytes + bytes <= this.#maxBytes && this.#kept.size < ENTRIES_MAX;
    return own && this.all.hasRoom(bytes);
  }

  #dropOldest(): boolean {
    for (const question of this.#kept.keys()) {
      this.#drop(question);
      return true;
    }
    return false;
  }

  #drop(question: string): void {
    const kept = this.#kept.get(question);
    if (kept === undefined) return;
    this.#kept.delete(question);
    this.#count(-kept.bytes);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.all.add(bytes);
  }
}

function sameField([name, value]: VaryValue, request: RequestHead): boolean {
  return request.header(name) === value;
}
