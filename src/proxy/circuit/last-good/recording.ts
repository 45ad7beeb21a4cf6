import type { ResponseMessage } from "../../../codec/http/message.ts";
import type { RequestHead } from "../../route/request-head.ts";
import { type Keepable, keepableOf } from "./keepable.ts";
import { fieldsOf, type KeptAnswer, type VaryValue } from "./kept-answer.ts";
import type { LastGoodStore } from "./last-good-store.ts";

/** A string takes two bytes a character at most; maps and objects take something too. */
const BYTES_PER_CHARACTER = 2;
const OVERHEAD_BYTES = 256;
const FIELD_OVERHEAD_BYTES = 48;
const NOTHING: Buffer = Buffer.alloc(0);

const ROOM_AT_FIRST = 4096;

/** An answer on its way to the client, which is good until the opposite shows. */
export class Recording {
  readonly #store: LastGoodStore;
  readonly #question: string;
  readonly #keepable: Keepable;
  readonly #fields: KeptAnswer["fields"];
  readonly #vary: readonly VaryValue[];
  #body: Buffer = NOTHING;
  #length = 0;

  constructor(
    store: LastGoodStore,
    question: string,
    keepable: Keepable,
    fields: KeptAnswer["fields"],
    vary: readonly VaryValue[],
  ) {
    this.#store = store;
    this.#question = question;
    this.#keepable = keepable;
    this.#fields = fields;
    this.#vary = vary;
  }

  /** Copies, for what was read shares memory with what is read next. False: it is too much. */
  take(bytes: Buffer, start: number, end: number): boolean {
    const length = this.#length + end - start;
    if (length > this.#store.bodyMax) return false;
    if (length > this.#body.length && !this.#grow(length)) return false;
    bytes.copy(this.#body, this.#length, start, end);
    this.#length = length;
    return true;
  }

  /** The answer has come whole. */
  keep(nowMs: number): void {
    const body = Buffer.allocUnsafeSlow(this.#length);
    this.#body.copy(body, 0, 0, this.#length);
    this.end();
    const { ageS, freshOnly, freshS } = this.#keepable;
    const own = { fields: this.#fields, vary: this.#vary, body };
    const bytes = bytesOf(this.#question, own);
    this.#store.keep(this.#question, { ...own, ageS, freshOnly, freshS, keptAtMs: nowMs, bytes });
  }

  /** It is recorded no more. */
  end(): void {
    this.#store.all.recorded(this.#body.length);
    this.#body = NOTHING;
    this.#length = 0;
  }

  #grow(wanted: number): boolean {
    const room = Math.max(wanted, ROOM_AT_FIRST, this.#body.length * 2);
    const size = Math.min(room, Math.max(wanted, this.#store.bodyMax));
    if (!this.#store.all.record(size - this.#body.length)) return false;
    const body = Buffer.allocUnsafeSlow(size);
    this.#body.copy(body, 0, 0, this.#length);
    this.#body = body;
    return true;
  }
}

/** Begins to record an answer as it came from upstream; undefined: it may not be kept. */
export function recordingOf(
  store: LastGoodStore,
  question: string,
  request: RequestHead,
  head: ResponseMessage,
): Recording | undefined {
  const keepable = keepableOf(head);
  if (keepable === undefined || head.contentLength > store.bodyMax) return undefined;
  const vary = keepable.vary.map((name): VaryValue => [name, request.header(name)]);
  return new Recording(store, question, keepable, fieldsOf(head.headers), vary);
}

function bytesOf(question: string, kept: Pick<KeptAnswer, "body" | "fields" | "vary">): number {
  let bytes = OVERHEAD_BYTES + kept.body.length + question.length * BYTES_PER_CHARACTER;
  for (const [name, value = ""] of [...kept.fields, ...kept.vary]) {
    bytes += FIELD_OVERHEAD_BYTES + (name.length + value.length) * BYTES_PER_CHARACTER;
  }
  return bytes;
}
