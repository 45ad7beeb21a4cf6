// hot path: no allocation per request
import { BodyDecoder } from "../../../codec/h1/body-decoder.ts";
import { RequestParser } from "../../../codec/h1/request-parser.ts";
import type { Address } from "../../../model/address.ts";
import type { CompiledHcm } from "../../compile/compiled-hcm.ts";
import type { Downstream } from "../../downstream.ts";
import { Exchange } from "../../exchange.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";
import type { SocketWriter } from "../../wire/socket-writer.ts";
import type { Accepted } from "../accepted.ts";
import { Http1ResponseEncoder } from "./response-encoder.ts";

/** As many wait for connections to need them, for each connection manager: a few MiB. */
const SPARES_MAX = 1024;

/** The connection that a request is of. */
export interface RequestCarrier {
  readonly writer: SocketWriter;
  readonly accepted: Accepted;
  /** The connection shall end after the request under way. */
  readonly lastRequest: boolean;
  originalDestinationOf(authority: string): Address | undefined;
  pauseReading(): void;
  resumeReading(): void;
  startTunnel(): void;
  endTunnel(): void;
  /** It has been given back: it is the connection's no longer. */
  onExchangeEnd(keepAlive: boolean): void;
  reset(): void;
  onFault(error: unknown): void;
}

/**
 * One request on a client's HTTP/1.1 connection, from its head's first byte to its answer's last.
 * Connections lend it to each other, so that a silent one, as most are, need not have it.
 *
 * ```
 *   spare -> lent -> spare, or dropped where the connection ends before the exchange does
 * ```
 */
export class ServerRequest implements Downstream {
  readonly hcm: CompiledHcm;
  readonly parser: RequestParser;
  readonly body: BodyDecoder;
  readonly encoder: Http1ResponseEncoder;
  readonly exchange: Exchange;
  readonly #spares: SpareRequests;
  /** Undefined while it is spare. */
  #carrier: RequestCarrier | undefined;

  constructor(hcm: CompiledHcm, spares: SpareRequests) {
    this.hcm = hcm;
    this.#spares = spares;
    this.parser = new RequestParser(hcm.headLimits);
    this.body = new BodyDecoder(hcm.config.http1.enableTrailers);
    this.encoder = new Http1ResponseEncoder(this, this.parser);
    this.exchange = new Exchange(this, this.parser);
  }

  get connection(): object {
    return this.#lentTo.accepted;
  }

  get secure(): boolean {
    return this.#lentTo.accepted.secure;
  }

  get tls(): TlsInfo | undefined {
    return this.#lentTo.accepted.tls;
  }

  /** Requests are carried over HTTP/2. */
  get carrying(): boolean {
    return false;
  }

  get remoteAddress(): string {
    return this.#lentTo.accepted.remoteAddress;
  }

  get directRemoteAddress(): string {
    return this.#lentTo.accepted.directRemoteAddress;
  }

  get remoteIp(): string {
    return this.#lentTo.accepted.remoteIp;
  }

  get localAddress(): string {
    return this.#lentTo.accepted.localAddress;
  }

  get originalDestination(): Address | undefined {
    return this.#lentTo.originalDestinationOf(this.parser.authority);
  }

  get lastRequest(): boolean {
    return this.#carrier?.lastRequest ?? true;
  }

  lend(carrier: RequestCarrier): void {
    this.#carrier = carrier;
    this.encoder.use(carrier.writer);
  }

  pauseReading(): void {
    this.#carrier?.pauseReading();
  }

  resumeReading(): void {
    this.#carrier?.resumeReading();
  }

  startTunnel(): void {
    this.#lentTo.startTunnel();
  }

  endTunnel(): void {
    this.#carrier?.endTunnel();
  }

  onExchangeEnd(keepAlive: boolean): void {
    this.#carrier?.onExchangeEnd(keepAlive);
  }

  reset(): void {
    this.#carrier?.reset();
  }

  /** What throws once the exchange is over costs the client nothing. */
  onFault(error: unknown): void {
    if (this.#carrier === undefined) this.hcm.context.faults.report(error);
    else this.#carrier.onFault(error);
  }

  /** The exchange is over, and another connection may have it. */
  giveBack(): void {
    this.#carrier = undefined;
    this.encoder.use(undefined);
    this.parser.reset();
    this.#spares.add(this);
  }

  /** Its timers will not fire. */
  dispose(): void {
    this.exchange.dispose();
  }

  get #lentTo(): RequestCarrier {
    return this.#carrier as RequestCarrier;
  }
}

/** What a connection manager's HTTP/1.1 connections lend to each other. */
export class SpareRequests {
  readonly #hcm: CompiledHcm;
  readonly #spares: ServerRequest[] = [];

  constructor(hcm: CompiledHcm) {
    this.#hcm = hcm;
  }

  /** The one that was used last, as the processor has that in its caches. */
  take(carrier: RequestCarrier): ServerRequest {
    const request = this.#spares.pop() ?? new ServerRequest(this.#hcm, this);
    request.lend(carrier);
    return request;
  }

  add(request: ServerRequest): void {
    if (this.#spares.length < SPARES_MAX) this.#spares.push(request);
    else request.dispose();
  }
}

const sparesOf = new WeakMap<CompiledHcm, SpareRequests>();

/** Of this connection manager, and of this thread. */
export function spareRequests(hcm: CompiledHcm): SpareRequests {
  let spares = sparesOf.get(hcm);
  if (spares === undefined) {
    spares = new SpareRequests(hcm);
    sparesOf.set(hcm, spares);
  }
  return spares;
}
