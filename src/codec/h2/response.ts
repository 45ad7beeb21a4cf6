import { HeaderTable } from "../http/header-table.ts";
import type { BodyKind, HttpVersion, ResponseMessage } from "../http/message.ts";

/** The head of a response that came as a HEADERS block (RFC 9113 section 8.3.2). */
export class Http2Response implements ResponseMessage {
  readonly headers: HeaderTable = new HeaderTable();
  readonly version: HttpVersion = 20;
  status = 0;
  body: BodyKind = "none";
  contentLength = -1;

  reset(): void {
    this.headers.reset();
  }
}
