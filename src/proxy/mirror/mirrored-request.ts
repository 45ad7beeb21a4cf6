// hot path: no allocation per request
import { ID } from "../../codec/http/header-name.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";
import type {
  BodyKind,
  HttpVersion,
  RequestMessage,
  TargetForm,
} from "../../codec/http/message.ts";
import { RequestHead } from "../route/request-head.ts";

const SUFFIX = "-shadow";

/** The head of a request's copy: as it goes upstream, and of our own (Envoy: ShadowWriterImpl). */
export class MirroredRequest implements RequestMessage {
  readonly headers: HeaderTable = new HeaderTable();
  readonly head: RequestHead;
  readonly method: string;
  readonly version: HttpVersion;
  readonly form: TargetForm;
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  readonly body: BodyKind;
  readonly contentLength: number;
  readonly keepAlive: boolean = true;
  readonly upgrade: string = "";
  readonly expectsContinue: boolean = false;

  /** `localAddress`: what stands for this proxy in `x-forwarded-for`. */
  constructor(
    request: RequestHead,
    message: RequestMessage,
    shadowHost: boolean,
    localAddress: string,
  ) {
    this.headers.copy(request.headers);
    this.head = new RequestHead(this.headers);
    this.method = request.method;
    this.version = message.version;
    this.form = message.form;
    this.path = request.path;
    this.authority = shadowHost ? shadowOf(request.authority) : request.authority;
    this.scheme = request.scheme;
    this.body = message.body;
    this.contentLength = message.contentLength;
    this.head.method = this.method;
    this.head.scheme = this.scheme;
    this.head.authority = this.authority;
    this.head.setPath(this.path);
    this.headers.set(ID.host, this.authority);
    this.headers.setName("x-envoy-internal", "true");
    const before = this.headers.joined("x-forwarded-for");
    const addresses = before === undefined ? localAddress : `${before},${localAddress}`;
    this.headers.setName("x-forwarded-for", addresses);
  }
}

/** `reviews:80` is `reviews-shadow:80`. */
function shadowOf(authority: string): string {
  const colon = authority.lastIndexOf(":");
  if (colon < 0 || authority.indexOf("]", colon) >= 0) return authority + SUFFIX;
  return authority.slice(0, colon) + SUFFIX + authority.slice(colon);
}
