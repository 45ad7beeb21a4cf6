import { readFileSync } from "node:fs";
import { type ErrorCode, errorCodeName } from "../../src/codec/h2/error-code.ts";
import type { SessionOwner, StreamOwner } from "../../src/codec/h2/owner.ts";
import { Http2Request } from "../../src/codec/h2/request.ts";
import { Http2Response } from "../../src/codec/h2/response.ts";
import { Session } from "../../src/codec/h2/session.ts";
import { DEFAULT_SETTINGS, type LocalSettings } from "../../src/codec/h2/settings.ts";
import type { Stream } from "../../src/codec/h2/stream.ts";
import { HeaderTable } from "../../src/codec/http/header-table.ts";
import { FrameText, framesOf } from "./h2-notation.ts";
import { MemoryOutput } from "./h2-output.ts";

/** One case of a file of vectors: what the peer sends, and what comes of it. */
export interface Http2Vector {
  readonly name: string;
  /** What stands behind `frames`, as `answer maxHeadersCount=3`. */
  readonly options: readonly string[];
  readonly bytes: Buffer;
  readonly expected: readonly string[];
}

const HEADING = "^## (?<name>.+)$[\\s\\S]*?";
const FRAMES = "^```frames(?<options>[^\\n]*)\\n(?<frames>[\\s\\S]*?)^```\\n";
const EVENTS = "```events\\n(?<events>[\\s\\S]*?)\\n?^```$";
const CASE = new RegExp(HEADING + FRAMES + EVENTS, "gm");

/** Reads the cases of a file. Throws where a heading has no case. */
export function readHttp2Vectors(path: URL): readonly Http2Vector[] {
  const text = readFileSync(path, "utf8");
  const vectors = [...text.matchAll(CASE)].map(({ groups = {} }) => vectorOf(groups));
  const headings = text.match(/^## /gm)?.length ?? 0;
  if (vectors.length !== headings) {
    throw new Error(`${path.pathname}: ${headings} headings, ${vectors.length} cases`);
  }
  return vectors;
}

function vectorOf(groups: Partial<Record<string, string>>): Http2Vector {
  const options = (groups.options ?? "").trim().split(" ");
  const opening = options.some((option) => option.startsWith("open"))
    ? "SETTINGS\n"
    : "PREFACE\nSETTINGS\n";
  return {
    name: groups.name ?? "",
    options,
    bytes: framesOf(`${options.includes("bare") ? "" : opening}${groups.frames ?? ""}`),
    expected: (groups.events ?? "").split("\n").filter((line) => line !== ""),
  };
}

/** A stream's owner that writes down what it is told. */
export class StreamEvents implements StreamOwner {
  readonly message: Http2Request | Http2Response;
  readonly #lines: string[];
  stream: Stream | undefined;
  readonly #answers: boolean;
  #id = 0;

  constructor(lines: string[], message: Http2Request | Http2Response, answers: boolean) {
    this.#lines = lines;
    this.message = message;
    this.#answers = answers;
  }

  onHead(): void {
    this.#id = this.stream?.id ?? 0;
    this.#lines.push(headLine(this.#id, this.message), ...fieldLines(this.message.headers));
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const text = bytes.toString("latin1", start, end);
    const last = this.#lines.at(-1) ?? "";
    if (last.startsWith(`data ${this.#id} `)) this.#lines[this.#lines.length - 1] = last + text;
    else this.#lines.push(`data ${this.#id} ${text}`);
  }

  onTrailers(trailers: HeaderTable): void {
    this.#lines.push(`trailers ${this.#id}`, ...fieldLines(trailers));
  }

  onEnd(): void {
    this.#lines.push(`end ${this.#id}`);
    if (this.#answers) this.stream?.sendResponse(204, new HeaderTable(), true);
  }

  onReset(code: ErrorCode, byPeer: boolean): void {
    const who = byPeer ? "peer" : "here";
    this.#lines.push(`reset ${this.stream?.id} ${errorCodeName(code)} ${who}`);
  }

  onBlocked(): void {
    this.#lines.push(`blocked ${this.stream?.id}`);
  }

  onWritable(): void {
    this.#lines.push(`writable ${this.stream?.id}`);
  }
}

/** A session whose owner writes down what it is told, and what is written to the peer. */
export class SessionEvents implements SessionOwner {
  readonly lines: string[] = [];
  readonly session: Session;
  readonly output: MemoryOutput = new MemoryOutput();
  readonly #text = new FrameText();
  readonly #options: readonly string[];

  constructor(options: readonly string[], settings: Partial<LocalSettings> = {}) {
    this.#options = options;
    const open = options.find((option) => option.startsWith("open="))?.slice(5);
    const role = open === undefined ? "server" : "client";
    this.session = new Session(role, { ...DEFAULT_SETTINGS, ...settings }, this, this.output);
    this.session.start();
    // The preface, and the settings, which a test of their own shows.
    this.output.flush();
    for (const method of open?.split(",") ?? []) this.#request(method);
    this.output.flush();
  }

  /** Reads a piece. Writes go out at the end alone, so that no cut changes what is joined. */
  feed(piece: Buffer): void {
    // What lies before and behind the piece is none of it.
    const bytes = Buffer.concat([Buffer.alloc(3, 0xff), piece, Buffer.alloc(3, 0xff)]);
    this.session.read(bytes, 3, 3 + piece.length);
    bytes.fill(0);
  }

  /** What has come of everything: events, then frames. */
  result(): readonly string[] {
    const frames = this.#text.read(this.output.flush());
    return [
      ...this.lines.map(shortLine),
      ...frames.filter((line) => line !== "SETTINGS ACK").map(sentLine),
    ];
  }

  acceptStream(stream: Stream): StreamOwner | undefined {
    if (this.#options.includes("refuse")) return undefined;
    const answers = this.#options.includes("answer");
    const events = new StreamEvents(this.lines, new Http2Request(), answers);
    events.stream = stream;
    return events;
  }

  onOutput(): void {}
  onPeerSettings(): void {}

  onGoAway(lastStreamId: number, code: ErrorCode): void {
    this.lines.push(`goaway ${lastStreamId} ${errorCodeName(code)}`);
  }

  onPong(): void {
    this.lines.push("pong");
  }

  onStreamClosed(stream: Stream): void {
    this.lines.push(`closed ${stream.id}`);
  }

  onSessionError(code: ErrorCode, details: string): void {
    this.lines.push(`error ${errorCodeName(code)} ${details}`);
  }

  #request(method: string): void {
    const events = new StreamEvents(this.lines, new Http2Response(), false);
    const stream = this.session.openStream(events);
    events.stream = stream;
    const [name = "", protocol = ""] = method.split("+");
    const end = name !== "CONNECT";
    stream.sendRequest(name, "http", "a:80", "/", protocol, new HeaderTable(), end);
  }
}

/** What comes out of these pieces. */
export function http2Events(
  pieces: readonly Buffer[],
  options: readonly string[],
): readonly string[] {
  const settings = options
    .map((option) => option.split("="))
    .filter(([name = ""]) => name in DEFAULT_SETTINGS)
    .map(([name, value]) => [name, value === "true" ? true : Number(value)]);
  const events = new SessionEvents(options, Object.fromEntries(settings));
  for (const piece of pieces) events.feed(piece);
  return events.result();
}

/** Much data is told by its length. */
function shortLine(line: string): string {
  const [, head = "", data = ""] = /^(data \d+ )([\s\S]{41,})$/.exec(line) ?? [];
  return data === "" ? line : `${head}${data.length}x`;
}

function sentLine(line: string): string {
  return line.startsWith(" ") ? line : `> ${line}`;
}

function headLine(id: number, message: Http2Request | Http2Response): string {
  const length = message.body === "length" ? ` ${message.contentLength}` : "";
  const body = `body=${message.body}${length}`;
  if (message instanceof Http2Response) return `response ${id} ${message.status} ${body}`;
  const { method, path, form, scheme, authority, upgrade } = message;
  const target = `${method} ${path || "-"} ${form}`;
  const words = [`request ${id} ${target} ${scheme || "-"} authority=${authority} ${body}`];
  if (upgrade !== "") words.push(`upgrade=${upgrade}`);
  if (message.expectsContinue) words.push("expectsContinue");
  return words.join(" ");
}

function fieldLines(headers: HeaderTable): string[] {
  const lines: string[] = [];
  for (let i = 0; i < headers.count; i++) {
    if (!headers.removedAt(i)) lines.push(`  ${headers.name(i)}: ${headers.value(i)}`);
  }
  return lines;
}
