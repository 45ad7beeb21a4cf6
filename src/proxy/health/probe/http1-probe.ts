import { BodyDecoder } from "../../../codec/h1/body-decoder.ts";
import { ResponseParser } from "../../../codec/h1/response-parser.ts";
import type { HttpHealthCheck } from "../../../model/upstream/health-check.ts";
import type { Host } from "../../cluster/host.ts";
import { OFFER_HTTP1, type Transport } from "../../upstream/transport.ts";
import { questionOf } from "./http-question.ts";
import { HttpVerdict } from "./http-verdict.ts";
import type { CheckOutcome } from "./outcome.ts";
import type { ProbeOwner } from "./probe.ts";
import { SocketProbe } from "./socket-probe.ts";

/** Interim answers before the real one; more are a flood. */
const INTERIM_MAX = 8;

/** Asks over HTTP/1.1. */
export class Http1Probe extends SocketProbe {
  readonly #config: HttpHealthCheck;
  readonly #verdict: HttpVerdict;
  readonly #parser = new ResponseParser();
  readonly #body = new BodyDecoder();
  #inBody = false;
  #interims = 0;

  constructor(host: Host, config: HttpHealthCheck, owner: ProbeOwner) {
    super(host, config, owner, OFFER_HTTP1);
    this.#config = config;
    this.#verdict = new HttpVerdict(config);
  }

  protected override ask({ socket }: Transport): void {
    const { method, path, authority, headers } = questionOf(this.host, this.#config);
    this.#parser.reset();
    this.#parser.expect(method);
    this.#inBody = false;
    this.#interims = 0;
    const head = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n${headers.write()}\r\n`;
    socket.write(head, "latin1");
  }

  protected override take(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#inBody) {
      at = this.#parser.read(bytes, at, bytes.length);
      if (this.#parser.state === "reading") return;
      if (this.#parser.state === "failed" || !this.#headArrived()) {
        this.end("network", false);
        return;
      }
    }
    if (this.#inBody) this.#readBody(bytes, at);
  }

  /** False where this cannot be an answer. */
  #headArrived(): boolean {
    const parser = this.#parser;
    if (parser.status < 200) {
      parser.reset();
      return parser.status !== 101 && ++this.#interims <= INTERIM_MAX;
    }
    this.#inBody = true;
    this.#verdict.onHead(parser.status, parser.headers);
    this.#body.begin(parser.body, parser.contentLength);
    return true;
  }

  #readBody(bytes: Buffer, from: number): void {
    let at = from;
    while (at < bytes.length && !this.#body.done) {
      at = this.#body.next(bytes, at, bytes.length);
      if (this.#body.violation !== "none") {
        this.end("network", false);
        return;
      }
      const { dataStart, dataEnd } = this.#body;
      if (dataEnd > dataStart) this.#verdict.onBody(bytes.subarray(dataStart, dataEnd));
    }
    // Bytes behind the answer belong to nothing that was asked.
    if (this.#body.done) {
      this.end(this.#verdict.outcome(), this.#parser.keepAlive && at === bytes.length);
    }
  }

  protected override ended(): CheckOutcome {
    if (!this.#inBody) return "network";
    this.#body.end();
    return this.#body.done ? this.#verdict.outcome() : "network";
  }
}
