/** A client and an origin that speak HTTP/2 in frames made beforehand; only stream ids change. */
import { type FarEnd, Line } from "./fake-net.ts";
import type { Traffic } from "./traffic.ts";

/** Requests at once on each connection. */
const STREAMS = 8;

const FRAME_HEAD = 9;
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;

function frame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_HEAD);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  return Buffer.concat([head, payload]);
}

/** Literal without indexing, its name out of the static table (RFC 7541, 6.2.2). */
function literal(nameIndex: number, value: string): Buffer {
  const prefix = nameIndex < 15 ? [nameIndex] : [15, nameIndex - 15];
  return Buffer.from([...prefix, value.length, ...Buffer.from(value, "latin1")]);
}

const GET = 0x82;
const SCHEME_HTTP = 0x86;
const STATUS_200 = 0x88;
const [AUTHORITY, PATH, ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT] = [1, 4, 19, 28, 31, 58];

const REQUEST: Buffer = frame(
  HEADERS,
  END_HEADERS | END_STREAM,
  Buffer.concat([
    Buffer.from([GET, SCHEME_HTTP]),
    literal(PATH, "/index"),
    literal(AUTHORITY, "bench"),
    literal(USER_AGENT, "bench/1"),
    literal(ACCEPT, "*/*"),
  ]),
);
const BODY: Buffer = Buffer.alloc(100, "x");
const RESPONSE_HEAD: Buffer = frame(
  HEADERS,
  END_HEADERS,
  Buffer.concat([
    Buffer.from([STATUS_200]),
    literal(CONTENT_TYPE, "text/plain"),
    literal(CONTENT_LENGTH, `${BODY.length}`),
  ]),
);
const RESPONSE: Buffer = Buffer.concat([RESPONSE_HEAD, frame(DATA, END_STREAM, BODY)]);

/** Windows as large as they go: nobody has to open them again (RFC 9113, 6.9.1). */
const SETTINGS_FRAME: Buffer = frame(SETTINGS, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff]));
const SETTINGS_ACK: Buffer = frame(SETTINGS, ACK, Buffer.alloc(0));
const WINDOW: Buffer = frame(8, 0, Buffer.from([0x7f, 0xff, 0, 0]));
const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function wordAt(bytes: Uint8Array, at: number): number {
  const high = (byteAt(bytes, at) << 24) | (byteAt(bytes, at + 1) << 16);
  return (high | (byteAt(bytes, at + 2) << 8) | byteAt(bytes, at + 3)) >>> 0;
}

/** Reads frames out of what was written; each write holds whole frames, but for the preface. */
function eachFrame(
  bytes: Uint8Array,
  onFrame: (type: number, flags: number, stream: number) => void,
): void {
  let at = bytes[0] === PREFACE[0] && bytes[1] === PREFACE[1] ? PREFACE.length : 0;
  while (at + FRAME_HEAD <= bytes.length) {
    onFrame(byteAt(bytes, at + 3), byteAt(bytes, at + 4), wordAt(bytes, at + 5));
    at += FRAME_HEAD + (wordAt(bytes, at) >>> 8);
  }
}

/** One end of a connection: acknowledges settings, and sends a constant on many streams. */
abstract class End implements FarEnd {
  line: Line | undefined;
  readonly #frames: Buffer;
  readonly #length: number;
  readonly #onFrame = (type: number, flags: number, stream: number): void => {
    if (type === SETTINGS && (flags & ACK) === 0) this.#owesAck = true;
    else this.onFrame(type, flags, stream);
  };
  #owesAck = false;

  /** @param constant Sent once a stream; holds one frame or two. */
  constructor(constant: Buffer, count: number) {
    this.#length = constant.length;
    this.#frames = Buffer.concat(new Array<Buffer>(count).fill(constant));
  }

  protected abstract onFrame(type: number, flags: number, stream: number): void;

  onText(): void {
    throw new Error("HTTP/2 is no text");
  }

  onBytes(bytes: Uint8Array): void {
    eachFrame(bytes, this.#onFrame);
  }

  /** The first `streams.length` constants, each on a stream of its own. */
  protected send(streams: readonly number[]): void {
    for (let i = 0; i < streams.length; i++) this.#address(i * this.#length, streams[i] ?? 0);
    this.line?.deliver(this.#frames.subarray(0, streams.length * this.#length));
  }

  #address(at: number, stream: number): void {
    const frames = this.#frames;
    for (let next = at; next < at + this.#length; ) {
      frames.writeUInt32BE(stream, next + 5);
      next += FRAME_HEAD + frames.readUIntBE(next, 3);
    }
  }

  settle(): void {
    if (this.#owesAck) this.line?.deliver(SETTINGS_ACK);
    this.#owesAck = false;
    this.line?.settle();
  }
}

export class Http2Origin extends End {
  readonly #asked: number[] = [];
  #greeted = false;

  constructor() {
    super(RESPONSE, 1024);
  }

  connect(): Line {
    this.line = new Line(this);
    return this.line;
  }

  protected onFrame(type: number, _: number, stream: number): void {
    if (type === HEADERS) this.#asked.push(stream);
  }

  answer(): void {
    if (!this.#greeted) this.line?.deliver(Buffer.concat([SETTINGS_FRAME, WINDOW]));
    this.#greeted = true;
    this.settle();
    if (this.#asked.length === 0) return;
    this.send(this.#asked);
    this.#asked.length = 0;
  }
}

class Client extends End {
  answered = 0;
  readonly #streams: number[] = Array.from({ length: STREAMS }, (_, index) => 2 * index + 1);
  #open = 0;

  constructor() {
    super(REQUEST, STREAMS);
  }

  greet(): void {
    this.line?.deliver(Buffer.concat([PREFACE, SETTINGS_FRAME, WINDOW]));
  }

  ask(): void {
    this.settle();
    if (this.#open > 0) return;
    this.#open = STREAMS;
    this.send(this.#streams);
    for (let i = 0; i < STREAMS; i++) this.#streams[i] = (this.#streams[i] ?? 0) + 2 * STREAMS;
  }

  protected onFrame(type: number, flags: number): void {
    if (type === RST_STREAM) throw new Error("a stream was reset");
    if (type > HEADERS || (flags & END_STREAM) === 0) return;
    this.answered++;
    this.#open--;
  }
}

export class Http2Traffic implements Traffic {
  readonly #origins: Http2Origin[] = [];
  readonly #clients: Client[] = [];

  connectOrigin(): Line {
    const origin = new Http2Origin();
    this.#origins.push(origin);
    return origin.connect();
  }

  connectClients(count: number, accept: (farEnd: FarEnd) => Line): void {
    for (let i = 0; i < count / STREAMS; i++) {
      const client = new Client();
      client.line = accept(client);
      client.greet();
      this.#clients.push(client);
    }
  }

  ask(): void {
    for (const client of this.#clients) client.ask();
  }

  answer(): void {
    for (const origin of this.#origins) origin.answer();
  }

  get answered(): number {
    let sum = 0;
    for (const client of this.#clients) sum += client.answered;
    return sum;
  }
}
