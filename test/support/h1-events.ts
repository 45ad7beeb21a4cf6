import { BodyDecoder } from "../../src/codec/h1/body-decoder.ts";
import { RequestParser } from "../../src/codec/h1/request-parser.ts";
import { ResponseParser } from "../../src/codec/h1/response-parser.ts";
import { statusOf } from "../../src/codec/h1/violation.ts";
import type { HeaderTable } from "../../src/codec/http/header-table.ts";

/**
 * Feeds pieces to the codec as a connection would, and writes down what comes out, one line an
 * event: what the vectors under `test/vectors/h1` expect.
 */
export class H1Events {
  readonly lines: string[] = [];
  readonly #parser: RequestParser | ResponseParser;
  readonly #body = new BodyDecoder();
  #inBody = false;
  #failed = false;
  #data = "";

  constructor(parser: RequestParser | ResponseParser) {
    this.#parser = parser;
  }

  feed(piece: Buffer): void {
    let at = 0;
    let steps = 0;
    while (at < piece.length && !this.#failed) {
      // Each takes a byte, or ends a message that holds one.
      if (++steps > 2 * piece.length + 2) throw new Error(`stands still at ${at}`);
      at = this.#inBody ? this.#feedBody(piece, at) : this.#feedHead(piece, at);
    }
  }

  /** The connection ends. */
  end(): void {
    if (!this.#inBody || this.#failed) return;
    this.#body.end();
    this.#afterBody();
  }

  #feedHead(piece: Buffer, at: number): number {
    const parser = this.#parser;
    const next = parser.read(piece, at, piece.length);
    if (parser.state === "failed") {
      this.#failed = true;
      const status = parser instanceof RequestParser ? ` ${statusOf(parser.violation)}` : "";
      this.lines.push(`error ${parser.violation}${status}`);
    }
    if (parser.state !== "complete") return next;
    this.lines.push(parser instanceof RequestParser ? requestLine(parser) : responseLine(parser));
    this.lines.push(...fields(parser.headers));
    this.#body.begin(parser.body, parser.contentLength);
    this.#data = "";
    this.#inBody = true;
    this.#afterBody();
    return next;
  }

  #feedBody(piece: Buffer, at: number): number {
    const next = this.#body.next(piece, at, piece.length);
    this.#data += piece.toString("latin1", this.#body.dataStart, this.#body.dataEnd);
    this.#afterBody();
    return next;
  }

  #afterBody(): void {
    const body = this.#body;
    if (!body.done && body.violation === "none") return;
    if (this.#data !== "") this.lines.push(`data ${this.#data}`);
    if (body.violation !== "none") {
      this.#failed = true;
      const status = this.#parser instanceof RequestParser ? ` ${statusOf(body.violation)}` : "";
      this.lines.push(`error ${body.violation}${status}`);
      return;
    }
    this.lines.push("end");
    this.#inBody = false;
    this.#parser.reset();
  }
}

/** What comes out of these pieces. */
export function requestEvents(pieces: readonly Buffer[]): readonly string[] {
  const events = new H1Events(new RequestParser());
  for (const piece of pieces) events.feed(piece);
  return events.lines;
}

export function responseEvents(
  pieces: readonly Buffer[],
  options: { method: string; close: boolean },
): readonly string[] {
  const parser = new ResponseParser();
  parser.expect(options.method);
  const events = new H1Events(parser);
  for (const piece of pieces) events.feed(piece);
  if (options.close) events.end();
  return events.lines;
}

function requestLine(parser: RequestParser): string {
  const words = [
    `request ${parser.method} ${parser.path} ${httpVersion(parser.version)} ${parser.form}`,
    `authority=${parser.authority}`,
    bodyWord(parser),
    parser.keepAlive ? "keepAlive" : "close",
  ];
  if (parser.upgrade !== "") words.push(`upgrade=${parser.upgrade}`);
  return words.join(" ");
}

function responseLine(parser: ResponseParser): string {
  const kept = parser.keepAlive ? "keepAlive" : "close";
  return `response ${parser.status} ${httpVersion(parser.version)} ${bodyWord(parser)} ${kept}`;
}

function bodyWord(parser: RequestParser | ResponseParser): string {
  return `body=${parser.body}${parser.body === "length" ? ` ${parser.contentLength}` : ""}`;
}

function httpVersion(version: number): string {
  return version === 11 ? "HTTP/1.1" : "HTTP/1.0";
}

function fields(headers: HeaderTable): string[] {
  const lines: string[] = [];
  for (let i = 0; i < headers.count; i++) {
    if (!headers.removedAt(i)) lines.push(`header ${headers.name(i)}: ${headers.value(i)}`);
  }
  return lines;
}
