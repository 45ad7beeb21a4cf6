// hot path: no allocation per request
import { isDigit } from "../http/grammar/character.ts";
import { ID } from "../http/header-name.ts";
import { HeaderTable } from "../http/header-table.ts";
import type { BodyKind, HttpVersion, ResponseMessage } from "../http/message.ts";
import { type FieldBlock, SEEN_STATUS } from "./receive/field-block.ts";
import type { RequestKind } from "./stream.ts";

/** The head of a response that came as a header block (RFC 9113 section 8.3.2). */
export class Http2Response implements ResponseMessage {
  readonly headers: HeaderTable = new HeaderTable();
  readonly version: HttpVersion = 20;
  /** 101 where 2xx answers an extended CONNECT: the protocol asked for begins. */
  status = 0;
  body: BodyKind = "none";
  contentLength = -1;

  /** An interim response: a further head follows. */
  get interim(): boolean {
    return this.status < 200 && this.status !== 101;
  }

  /** Takes a decoded block over, its fields being in `headers`. False where it is malformed. */
  take(block: FieldBlock, endStream: boolean, kind: RequestKind): boolean {
    const status = block.seen === SEEN_STATUS ? parseStatus(block.status) : 0;
    this.status = status;
    this.contentLength = block.contentLength;
    // Without Upgrade there is nothing that 101 could answer (RFC 9113 section 8.6).
    if (status < 100 || status === 101 || (status < 200 && endStream)) return false;
    const tunnel = (kind === "connect" || kind === "extendedConnect") && status < 300;
    if (tunnel || status < 200) this.#dropLength();
    if (tunnel && status >= 200 && kind === "extendedConnect") this.status = 101;
    this.body = this.#bodyKind(endStream, kind);
    return true;
  }

  /** Whether there is no content, whatever Content-Length says (RFC 9110 section 6.4.1). */
  bodiless(kind: RequestKind): boolean {
    return kind === "head" || this.status === 204 || this.status === 304;
  }

  #bodyKind(endStream: boolean, kind: RequestKind): BodyKind {
    if (endStream || this.status < 200 || this.bodiless(kind)) return "none";
    return this.contentLength >= 0 ? "length" : "chunked";
  }

  #dropLength(): void {
    this.contentLength = -1;
    if (this.headers.has(ID["content-length"])) this.headers.remove(ID["content-length"]);
  }
}

/** 100 to 599, else 0. */
function parseStatus(text: string): number {
  if (text.length !== 3) return 0;
  let status = 0;
  for (let i = 0; i < 3; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) return 0;
    status = status * 10 + code - 0x30;
  }
  return status >= 100 && status <= 599 ? status : 0;
}
