// hot path: no allocation per request

/** What a writer needs of a socket (node:net's and node:tls' have it). */
export interface WritableSocket {
  readonly writableNeedDrain: boolean;
  readonly writableLength: number;
  readonly destroyed: boolean;
  write(data: string | Uint8Array, encoding?: BufferEncoding): boolean;
  cork(): void;
  uncork(): void;
}

export interface WriterOwner {
  /** The kernel takes no more: whoever feeds this writer should stop reading. */
  onWriteBlocked(): void;
  /** So many bytes have been handed to the socket. */
  onWritten(bytes: number): void;
}

/** Payload up to this length is copied behind the text before it: one string, one system call. */
const COPIED_MAX = 4096;
/** Text is handed over when it gets this long, whatever the event loop does. */
const TEXT_MAX = 64 * 1024;

const dirty: SocketWriter[] = [];
/** How many socket callbacks are under way: they flush at their end. */
let depth = 0;

/** A socket callback begins. Answered by `endTurn`, which hands over what was written. */
export function beginTurn(): void {
  depth++;
}

export function endTurn(): void {
  if (--depth === 0) flushAll();
}

/**
 * Collects what is written to one socket during a turn of the event loop, and hands it over at
 * the turn's end: a head and a small body are one write.
 */
export class SocketWriter {
  readonly #socket: WritableSocket;
  readonly #owner: WriterOwner;
  #text = "";
  #bytes = 0;
  #dirty = false;
  #corked = false;
  blocked = false;

  constructor(socket: WritableSocket, owner: WriterOwner) {
    this.#socket = socket;
    this.#owner = owner;
  }

  /** Latin-1 text. */
  text(text: string): void {
    this.#text += text;
    this.#bytes += text.length;
    if (this.#text.length > TEXT_MAX) this.#handOverText();
    this.#touch();
  }

  bytes(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length <= COPIED_MAX) {
      this.text(bytes.toString("latin1", start, end));
      return;
    }
    if (!this.#corked) this.#socket.cork();
    this.#corked = true;
    this.#handOverText();
    // What was read is overwritten by the next read, and this write may have to wait.
    const copy = Buffer.allocUnsafeSlow(length);
    bytes.copy(copy, 0, start, end);
    this.#socket.write(copy);
    this.#bytes += length;
    this.#touch();
  }

  /** Everything that was written goes to the socket now. */
  flush(): void {
    this.#dirty = false;
    const socket = this.#socket;
    if (socket.destroyed) return;
    this.#handOverText();
    if (this.#corked) socket.uncork();
    this.#corked = false;
    this.#owner.onWritten(this.#bytes);
    this.#bytes = 0;
    if (!this.blocked && socket.writableNeedDrain) {
      this.blocked = true;
      this.#owner.onWriteBlocked();
    }
  }

  #handOverText(): void {
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    this.#socket.write(text, "latin1");
  }

  #touch(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    if (dirty.length === 0 && depth === 0) process.nextTick(flushAll);
    dirty.push(this);
  }
}

function flushAll(): void {
  for (let i = 0; i < dirty.length; i++) (dirty[i] as SocketWriter).flush();
  dirty.length = 0;
}
