import { ID } from "../../codec/http/header-name.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";
import type {
  BodyKind,
  HttpVersion,
  RequestMessage,
  TargetForm,
} from "../../codec/http/message.ts";
import { RequestHead } from "../route/request-head.ts";

/** What a question of the proxy's own says. */
export interface QuestionText {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly authority: string;
  /** Names in lower case, without Host and Content-Length. */
  readonly headers: readonly (readonly [string, string])[];
  /** Empty: no body. */
  readonly body: Buffer;
  /** A gRPC call: HTTP/2, and trailers are wanted. */
  readonly grpc: boolean;
}

/** A request that the proxy makes on its own behalf: of an authorization server, or for keys. */
export class Question implements RequestMessage {
  readonly headers: HeaderTable = new HeaderTable();
  readonly head: RequestHead;
  readonly method: string;
  readonly version: HttpVersion;
  readonly form: TargetForm = "origin";
  readonly path: string;
  readonly authority: string;
  readonly scheme: string = "";
  readonly body: BodyKind;
  readonly contentLength: number;
  readonly keepAlive: boolean = true;
  readonly upgrade: string = "";
  readonly expectsContinue: boolean = false;
  readonly bytes: Buffer;

  constructor({ authority, body, grpc, headers, method, path }: QuestionText, secure: boolean) {
    this.bytes = body;
    this.method = method;
    this.path = path;
    this.authority = authority;
    this.version = grpc ? 20 : 11;
    this.body = body.length === 0 ? "none" : "length";
    // Who writes "content-length: 0" by itself has said it.
    const says = headers.some(([name]) => name === "content-length");
    this.contentLength = body.length === 0 && !says ? -1 : body.length;
    this.headers.add(ID.host, "host", authority);
    for (const [name, value] of headers) this.headers.addName(name, value);
    if (body.length > 0 && !grpc) this.headers.addName("content-length", String(body.length));
    if (grpc) this.headers.addName("te", "trailers");
    if (grpc) this.headers.addName("content-type", "application/grpc");
    this.head = new RequestHead(this.headers);
    this.head.method = method;
    this.head.scheme = secure ? "https" : "http";
    this.head.authority = authority;
    this.head.setPath(path);
  }
}
