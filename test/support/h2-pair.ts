import type { ErrorCode } from "../../src/codec/h2/error-code.ts";
import type { SessionOwner, StreamOwner } from "../../src/codec/h2/owner.ts";
import { Http2Request } from "../../src/codec/h2/request.ts";
import { Http2Response } from "../../src/codec/h2/response.ts";
import { Session } from "../../src/codec/h2/session.ts";
import { DEFAULT_SETTINGS, type LocalSettings } from "../../src/codec/h2/settings.ts";
import type { Stream } from "../../src/codec/h2/stream.ts";
import { HeaderTable } from "../../src/codec/http/header-table.ts";
import { FrameText, framesOf } from "./h2-notation.ts";
import { MemoryOutput } from "./h2-output.ts";

/** A stream's owner that keeps what comes. */
export class KeepingOwner implements StreamOwner {
  readonly message: Http2Request | Http2Response;
  stream: Stream | undefined;
  body = "";
  bytes = 0;
  trailers = 0;
  ended = false;
  reset: ErrorCode | undefined;
  blocked = false;
  /** Called at the end of the peer's half. */
  whenEnded: () => void = () => {};

  constructor(message: Http2Request | Http2Response) {
    this.message = message;
  }

  onHead(): void {}

  onData(bytes: Buffer, start: number, end: number): void {
    this.bytes += end - start;
    this.body += bytes.toString("latin1", start, end);
  }

  onTrailers(trailers: HeaderTable): void {
    this.trailers += trailers.count;
  }

  onEnd(): void {
    this.ended = true;
    this.whenEnded();
  }

  onReset(code: ErrorCode): void {
    this.reset = code;
  }

  onBlocked(): void {
    this.blocked = true;
  }

  onWritable(): void {
    this.blocked = false;
  }
}

/** One end of a connection in memory. */
export class End implements SessionOwner {
  readonly output: MemoryOutput = new MemoryOutput();
  readonly session: Session;
  /** Server: the streams that the client has opened, in their order. */
  readonly accepted: KeepingOwner[] = [];
  readonly events: string[] = [];
  nowMs = 0;

  constructor(role: "server" | "client", settings: Partial<LocalSettings> = {}) {
    const clock = { now: (): number => this.nowMs };
    const all = { ...DEFAULT_SETTINGS, ...settings };
    this.session = new Session(role, all, this, this.output, clock);
    this.session.start();
  }

  acceptStream(stream: Stream): StreamOwner {
    const owner = new KeepingOwner(new Http2Request());
    owner.stream = stream;
    this.accepted.push(owner);
    return owner;
  }

  onOutput(): void {
    this.events.push("output");
  }

  onPeerSettings(): void {}

  onGoAway(lastStreamId: number, code: ErrorCode): void {
    this.events.push(`goaway ${lastStreamId} ${code}`);
  }

  onPong(): void {
    this.events.push("pong");
  }

  onStreamClosed(stream: Stream): void {
    this.events.push(`closed ${stream.id}`);
  }

  onSessionError(code: ErrorCode, details: string): void {
    this.events.push(`error ${code} ${details}`);
  }

  /** Client: a request, with a body to follow unless `end`. */
  ask(method = "GET", end = true, headers: HeaderTable = new HeaderTable()): KeepingOwner {
    const owner = new KeepingOwner(new Http2Response());
    const stream = this.session.openStream(owner);
    owner.stream = stream;
    stream.sendRequest(method, "http", "a:80", "/", "", headers, end);
    return owner;
  }

  /** Frames written since the last time, as text; the peer never gets them. */
  written(text: FrameText = new FrameText()): string[] {
    return text.read(this.output.flush());
  }
}

/** Both ends. */
export class Pair {
  readonly client: End;
  readonly server: End;

  constructor(client: Partial<LocalSettings> = {}, server: Partial<LocalSettings> = {}) {
    this.client = new End("client", client);
    this.server = new End("server", server);
    this.run();
  }

  /** Carries bytes both ways until nothing moves; `cut` says how long the next piece is. */
  run(cut: (left: number) => number = (left) => left): void {
    for (let moved = true; moved; ) {
      moved = this.carry(this.client, this.server, cut);
      moved = this.carry(this.server, this.client, cut) || moved;
    }
  }

  carry(from: End, to: End, cut: (left: number) => number = (left) => left): boolean {
    const bytes = from.output.flush();
    for (let at = 0; at < bytes.length; ) {
      const piece = Buffer.from(bytes.subarray(at, at + Math.max(1, cut(bytes.length - at))));
      to.session.read(piece, 0, piece.length);
      at += piece.length;
      // The next read overwrites it.
      piece.fill(0);
    }
    from.session.pump();
    return bytes.length > 0;
  }
}

/** A table of these fields. */
export function headersOf(fields: Readonly<Record<string, string>>): HeaderTable {
  const table = new HeaderTable();
  for (const [name, value] of Object.entries(fields)) table.addName(name, value);
  return table;
}

/** A server that has read a client's preface, and these frames. */
export function serverAfter(text: string, settings: Partial<LocalSettings> = {}): End {
  const server = new End("server", settings);
  reads(server, `PREFACE\nSETTINGS\n${text}`);
  return server;
}

/** Reads frames that are given as text. */
export function reads(end: End, text: string): void {
  const bytes = framesOf(text);
  end.session.read(bytes, 0, bytes.length);
}

/** A whole request, as text. */
export function getFrame(id: number): string {
  const fields = ["method: GET", "scheme: http", "authority: a", "path: /"];
  return `HEADERS ${id} END_STREAM\n${fields.map((field) => `  :${field}\n`).join("")}`;
}
