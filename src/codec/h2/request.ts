import { HeaderTable } from "../http/header-table.ts";
import type { BodyKind, HttpVersion, RequestMessage, TargetForm } from "../http/message.ts";

/** The head of a request that came as a HEADERS block (RFC 9113 section 8.3.1). */
export class Http2Request implements RequestMessage {
  readonly headers: HeaderTable = new HeaderTable();
  readonly version: HttpVersion = 20;
  /** HTTP/2 has nothing that would end the connection with a message. */
  readonly keepAlive = true;
  method = "";
  form: TargetForm = "origin";
  path = "";
  authority = "";
  scheme = "";
  body: BodyKind = "none";
  contentLength = -1;
  upgrade = "";
  expectsContinue = false;

  reset(): void {
    this.headers.reset();
  }
}
